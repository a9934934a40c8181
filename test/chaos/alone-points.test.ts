import { ALONE_SCENARIOS } from "./alone-scenarios.ts";
import { playAll } from "./play.ts";

playAll("the supervisor", ALONE_SCENARIOS, { alone: true });
