import { playAll } from "./play.ts";
import { SUPERVISOR_SCENARIOS } from "./supervisor-scenarios.ts";

playAll("the supervisor", SUPERVISOR_SCENARIOS);
