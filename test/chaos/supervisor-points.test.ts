import { playAll } from "./play.ts";
import { SUPERVISOR_SCENARIOS } from "./supervisor-scenarios.ts";

playAll("supervisor", SUPERVISOR_SCENARIOS);
