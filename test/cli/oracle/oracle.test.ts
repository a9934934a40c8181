import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { CliResult } from "../../support/cli.ts";
import { Dockerd } from "../../support/dockerd.ts";
import { nodeOfFile } from "../../support/file-node.ts";
import { dockerArchive } from "../../support/images.ts";
import { busybox } from "../../support/namespace.ts";
import { maskJson, maskText } from "./mask.ts";
import { SCENARIOS } from "./scenarios.ts";
import { removeContainers, type Side, take } from "./side.ts";
import type { Scenario, Step } from "./step.ts";

const node = nodeOfFile();
const wharf: Side = { environment: node.environment };

/** The same command lines, given to a real docker and to wharf, come to the same end and print the same. */
let dockerd: Dockerd;
let docker: Side;

beforeAll(async () => {
  dockerd = await Dockerd.start();
  docker = { program: dockerd.client, environment: dockerd.environment };
  await dockerd.load(await dockerArchive(await busybox(), ["busybox:latest"]));
});

afterAll(async () => {
  await dockerd?.[Symbol.asyncDispose]();
});

afterEach(async () => {
  await Promise.all([removeContainers(docker), removeContainers(wharf)]);
});

describe.each(Object.entries(SCENARIOS))("%s", (_part, scenarios) => {
  it.each(scenarios)("$name", async (scenario: Scenario) => {
    for (const step of scenario.steps) {
      const [theirs, ours] = await Promise.all([take(docker, step), take(wharf, step)]);
      compare(step, theirs, ours);
    }
  });
});

function compare(step: Step, theirs: CliResult, ours: CliResult): void {
  const line = step.argv.join(" ");
  const shown = { line, exitCode: ours.exitCode, stdout: view(step, ours.stdout) };
  expect(shown, ours.stderr).toEqual({ line, exitCode: theirs.exitCode, stdout: view(step, theirs.stdout) });
  if (step.stderr === null) return;
  const sense = step.stderr ?? /^$/;
  // Docker is asked too: a pattern that it does not meet says nothing about docker.
  expect(theirs.stderr, `docker ${line}`).toMatch(sense);
  expect(ours.stderr, `wharf ${line}`).toMatch(sense);
}

function view(step: Step, stdout: string): unknown {
  switch (step.stdout ?? "equal") {
    case "equal":
      return maskText(stdout);
    case "json":
      return maskJson(stdout);
    case "ignored":
      return "";
  }
}
