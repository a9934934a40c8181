// Feeds every parser of outside text with inputs made at random: `npm run test:fuzz -- [INPUTS] [SEED] [NAME…]`.
// INPUTS is the number for each parser. Prints the seed, by which a run can be made again, and what was found.
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { campaign } from "./campaign.ts";
import { TARGETS } from "./targets.ts";

const DEFAULT_INPUTS = 100_000;
/** A parser that is still busy with one input after this time is taken for one that never ends. */
const HANGS_AFTER_MS = 60_000;
const LOOK_EVERY_MS = 1_000;

interface Job {
  readonly name: string;
  readonly seed: number;
  readonly inputs: number;
  readonly progress: SharedArrayBuffer;
}

if (isMainThread) process.exitCode = await main(process.argv.slice(2));
else await work(workerData as Job);

async function main([inputs = DEFAULT_INPUTS, seed = Date.now() % 2 ** 31, ...names]: (
  | string
  | number
)[]): Promise<number> {
  console.log(`seed ${seed}, ${inputs} inputs for each parser`);
  const chosen = TARGETS.map(({ name }) => name).filter((name) => names.length === 0 || names.includes(name));
  let failed = 0;
  for (const name of chosen) {
    const startedAt = performance.now();
    const findings = await runInWorker({ name, seed: Number(seed), inputs: Number(inputs) });
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    console.log(`${findings.length === 0 ? "ok" : "FAILED"} ${name}: ${inputs} inputs in ${seconds} s`);
    for (const finding of findings) console.log(finding);
    failed += findings.length;
  }
  return failed === 0 ? 0 : 1;
}

/** The parser runs in a thread of its own, so that one that never ends can be told from here. */
async function runInWorker(job: Omit<Job, "progress">): Promise<readonly string[]> {
  const progress = new SharedArrayBuffer(4);
  const worker = new Worker(new URL(import.meta.url), { workerData: { ...job, progress } });
  let watch: NodeJS.Timeout | undefined;
  try {
    return await new Promise((resolve, reject) => {
      worker.once("message", resolve).once("error", reject);
      let since = performance.now();
      let last = -1;
      watch = setInterval(() => {
        const [index = 0] = new Int32Array(progress);
        if (index !== last) since = performance.now();
        last = index;
        if (performance.now() - since > HANGS_AFTER_MS)
          resolve([`  does not come back from input ${index} of seed ${job.seed}`]);
      }, LOOK_EVERY_MS);
    });
  } finally {
    clearInterval(watch);
    await worker.terminate();
  }
}

async function work({ name, seed, inputs, progress }: Job): Promise<void> {
  const target = TARGETS.find((candidate) => candidate.name === name);
  if (target === undefined) throw new Error(`no parser is called ${name}`);
  const index = new Int32Array(progress);
  const onInput = (number: number) => {
    index[0] = number;
  };
  const findings = await campaign(target, { seed, inputs, onInput });
  parentPort?.postMessage(findings.map(({ input, reason }) => `  ${input}\n    ${reason.replaceAll("\n", "\n    ")}`));
}
