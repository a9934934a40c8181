import { EngineError } from "../../src/errors.ts";
import { Random } from "../support/random.ts";
import { type Target, Violation } from "./target.ts";

/** Processor time that no input may take. Far more than any does, and far less than what never ends. */
const SLOW_MS = 5_000;

/** Enough to see where a parser failed. */
const STACK_FRAMES = 3;

/** An input that a parser did not take as it must. */
export interface Finding {
  readonly target: string;
  readonly seed: number;
  readonly input: string;
  readonly reason: string;
}

export interface CampaignOptions {
  readonly seed: number;
  readonly inputs: number;
  /** Told before every input, so that a parser that never comes back can be named. */
  readonly onInput?: (index: number) => void;
}

/** Feeds a parser with inputs that the seed decides; returns the first of each kind that it does not take well. */
export async function campaign(target: Target, { seed, inputs, onInput }: CampaignOptions): Promise<Finding[]> {
  const findings = new Map<string, Finding>();
  const frames = Error.stackTraceLimit;
  for (let index = 0; index < inputs; index++) {
    onInput?.(index);
    // Of its own for each input, so that one can be made again without those before it.
    const generate = () => target.generate(new Random(seed + Math.imul(index, 0x9e3779b1)));
    // Most inputs are refused, and collecting the stacks of that takes longer than all else.
    Error.stackTraceLimit = 0;
    if (await takesWell(target, generate())) continue;
    Error.stackTraceLimit = STACK_FRAMES;
    const reason = await complaint(target, generate());
    if (reason === "") continue;
    const kind = reason.split("\n").slice(0, 2).join("\n");
    if (!findings.has(kind)) findings.set(kind, { target: target.name, seed, input: show(generate()), reason });
  }
  Error.stackTraceLimit = frames;
  return [...findings.values()];
}

/** False for an input that has to be looked at more closely. */
async function takesWell(target: Target, input: unknown): Promise<boolean> {
  const startedAt = performance.now();
  try {
    const running = target.run(input as never);
    // Waiting for what is there already would take most of the time.
    if (running instanceof Promise) await running;
  } catch (error) {
    if (!isRefusal(target, error)) return false;
  }
  return performance.now() - startedAt < SLOW_MS;
}

/** What is wrong with how the parser takes an input; empty when there is nothing, as on a host that was busy before. */
async function complaint(target: Target, input: unknown): Promise<string> {
  const before = process.cpuUsage();
  try {
    await target.run(input as never);
  } catch (error) {
    if (error instanceof Violation) return error.message;
    if (!isRefusal(target, error)) return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 > SLOW_MS ? "takes too long" : "";
}

function isRefusal(target: Target, error: unknown): boolean {
  return error instanceof EngineError || target.allows?.(error) === true;
}

function show(input: unknown): string {
  return Buffer.isBuffer(input) ? `hex ${input.toString("hex")}` : JSON.stringify(input);
}
