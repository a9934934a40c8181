import { describe, expect, it } from "vitest";
import { progressBar } from "../../../../src/cli/progress/bar.ts";
import { LiveLines } from "../../../../src/cli/progress/live-lines.ts";
import { openPullDisplay } from "../../../../src/cli/progress/pull-display.ts";
import { formatSeconds, TransferRate } from "../../../../src/cli/progress/transfer-rate.ts";
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
  const display = openPullDisplay(stream, { form: "auto", several: false });
  const progress = display.of(Reference.parse("busybox").withDefaultTag());
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
    expect(shown).toContain(`Total: [${"=".repeat(31)}>${" ".repeat(19)}]    2.5kB/4kB`);
  });
});

describe("the progress of several pulls", () => {
  const [BUSYBOX, ALPINE] = ["busybox", "alpine"].map((name) => Reference.parse(name).withDefaultTag()) as [
    Reference,
    Reference,
  ];

  it("has each line say of which image it is where there is no terminal", () => {
    let text = "";
    const display = openPullDisplay({ write: (part) => (text += part) }, { form: "auto", several: true });
    display.of(BUSYBOX).update({ type: "layer", digest: A, state: "exists" });
    display.of(ALPINE).say("Status: done");

    expect(text).toBe(`busybox:latest: ${ID_A}: Already exists\nalpine:latest: Status: done\n`);
  });

  it("is a block for each image on a terminal, whichever moves first", () => {
    let text = "";
    const stream = { isTTY: true, columns: 60, rows: 40, write: (part: string) => (text += part) };
    const display = openPullDisplay(stream, { form: "auto", several: true });
    const [busybox, alpine] = [display.of(BUSYBOX), display.of(ALPINE)];
    for (const event of EVENTS.slice(0, 3)) alpine.update(event);
    for (const event of EVENTS.slice(0, 3)) busybox.update(event);
    busybox.say("Status: done");
    display.finish();

    const shown = text.slice(text.lastIndexOf("\x1b[0J") + 4).split("\n");
    expect(shown.map((line) => line.replace(/Total: .*/, "Total"))).toEqual([
      "busybox:latest: Status: done",
      `  ${ID_A}: Already exists`,
      "  Total",
      "alpine:latest: latest: Pulling from library/alpine",
      `  ${ID_A}: Already exists`,
      "  Total",
      "",
    ]);
  });
});

describe("TransferRate", () => {
  it("is that of the last seconds", () => {
    const rate = new TransferRate();
    expect(rate.secondsLeft(100)).toBeUndefined();

    rate.note(0, 0);
    rate.note(1000, 1000);
    expect(rate.bytesPerSecond).toBe(1000);
    expect(rate.secondsLeft(5500)).toBe(6);

    for (let second = 2; second <= 20; second++) rate.note(1000 + second * 10, second * 1000);
    expect(rate.bytesPerSecond).toBe(10);
  });

  it("is written as people say it", () => {
    expect([0, 59, 60, 125, 3720].map(formatSeconds)).toEqual(["0s", "59s", "1m00s", "2m05s", "1h02m"]);
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
