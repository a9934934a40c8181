import { describe, expect, it } from "vitest";
import { progressBar } from "../../../../src/cli/progress/bar.ts";
import { LiveLines } from "../../../../src/cli/progress/live-lines.ts";
import { openPullProgress } from "../../../../src/cli/progress/pull-progress.ts";
import type { PullEvent } from "../../../../src/engine/images/pull.ts";
import { digestOf } from "../../../../src/model/digest.ts";
import { Reference } from "../../../../src/model/reference.ts";

const [A, B] = ["a", "b"].map((name) => digestOf(name)) as [string, string];
const [ID_A, ID_B] = [A, B].map((digest) => digest.slice(7, 19));
const TARGET = { mediaType: "m", digest: digestOf("target"), size: 1 };

const EVENTS: readonly PullEvent[] = [
  { type: "resolved", target: TARGET },
  {
    type: "layers",
    layers: [
      { mediaType: "l", digest: A, size: 1000 },
      { mediaType: "l", digest: B, size: 3000 },
    ],
  },
  { type: "layer", digest: A, state: "exists" },
  { type: "layer", digest: B, state: "waiting" },
  { type: "layer", digest: B, state: "downloading", bytes: 1500 },
  { type: "layer", digest: B, state: "downloaded" },
  { type: "layer", digest: B, state: "unpacking" },
  { type: "layer", digest: B, state: "unpacked" },
];

function show(events: readonly PullEvent[], terminal: { isTTY?: boolean; columns?: number; rows?: number }): string {
  let text = "";
  const stream = { ...terminal, write: (part: string) => (text += part) };
  const progress = openPullProgress(stream, Reference.parse("busybox").withDefaultTag());
  for (const event of events) progress.update(event);
  progress.finish();
  return text;
}

describe("pull progress", () => {
  it("is docker's lines where there is no terminal", () => {
    expect(show(EVENTS, {})).toBe(
      `latest: Pulling from library/busybox
${ID_A}: Already exists
${ID_B}: Pulling fs layer
${ID_B}: Verifying Checksum
${ID_B}: Download complete
${ID_B}: Pull complete
`,
    );
  });

  it("is a line for each layer and one for all on a terminal", () => {
    const shown = show(EVENTS.slice(0, 5), { isTTY: true, columns: 120, rows: 24 });

    expect(shown).toContain(`${ID_A}: Already exists\n`);
    expect(shown).toContain(`${ID_B}: Downloading  [${"=".repeat(25)}>${" ".repeat(25)}]    1.5kB/3kB\n`);
    expect(shown).toContain(`Total: [${"=".repeat(31)}>${" ".repeat(19)}]    2.5kB/4kB\n`);
  });
});

describe("progressBar", () => {
  it("is numbers alone where there is no room", () => {
    expect(progressBar(1, 2, 80)).toBe("      1B/2B");
  });

  it("does not overflow", () => {
    expect(progressBar(5, 2, 120)).toContain(`[${"=".repeat(50)}>]`);
    expect(progressBar(0, 0, 120)).toContain(`[>${" ".repeat(50)}]`);
  });
});

describe("LiveLines", () => {
  it("redraws over what it drew, and cuts to the terminal's width", () => {
    let text = "";
    const lines = new LiveLines({ columns: 10, rows: 5, write: (part) => (text += part) });
    lines.set("a", "first");
    lines.set("b", "a line that is too long");
    lines.set("a", "again");
    lines.finish();

    expect(text).toBe("\x1b[0Jagain\na line th\n");
  });
});
