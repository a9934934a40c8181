import { ALONE_SCENARIOS } from "./alone-scenarios.ts";
import { playAlone } from "./play.ts";

playAlone("supervisor", ALONE_SCENARIOS);
