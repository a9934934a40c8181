import { COMMAND_SCENARIOS } from "./command-scenarios.ts";
import { playAll } from "./play.ts";

playAll("command", COMMAND_SCENARIOS);
