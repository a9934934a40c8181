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
  // Most inputs are refused, and collecting the stacks of that takes longer than all else.
  Error.stackTraceLimit = STACK_FRAMES;
  for (let index = 0; index < inputs; index++) {
    onInput?.(index);
    // Of its own for each input, so that one can be made again without those before it.
    const input = target.generate(new Random(seed + Math.imul(index, 0x9e3779b1)));
    const reason = await complaint(target, input);
    if (reason === undefined) continue;
    const kind = reason.split("\n").slice(0, 2).join("\n");
    if (!findings.has(kind)) findings.set(kind, { target: target.name, seed, input: show(input), reason });
  }
  Error.stackTraceLimit = frames;
  return [...findings.values()];
}

async function complaint(target: Target, input: unknown): Promise<string | undefined> {
  const before = process.cpuUsage();
  try {
    const running = target.run(input as never);
    // Waiting for what is there already would take most of the time.
    if (running instanceof Promise) await running;
  } catch (error) {
    if (error instanceof Violation) return error.message;
    if (!(error instanceof EngineError) && target.allows?.(error) !== true) {
      return error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 > SLOW_MS ? "takes too long" : undefined;
}

function show(input: unknown): string {
  return Buffer.isBuffer(input) ? `hex ${input.toString("hex")}` : JSON.stringify(input);
}
