import { describe, expect, it } from "vitest";
import { Body, type BodyControl } from "../../../src/registry/body.ts";

class RecordingControl implements BodyControl {
  readonly calls: string[] = [];
  pause = () => void this.calls.push("pause");
  resume = () => void this.calls.push("resume");
  abort = () => void this.calls.push("abort");
}

const MB = 1024 * 1024;

async function readAll(body: Body): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

describe("a body", () => {
  it("hands over what was pushed, though the pushed memory is used again", async () => {
    const body = new Body(new RecordingControl());
    const read = readAll(body);
    const reused = Buffer.alloc(100_000);
    for (let round = 1; round <= 30; round++) body.push(reused.fill(round));
    body.end();

    const expected = Array.from({ length: 30 }, (_, index) => Buffer.alloc(100_000, index + 1));
    expect((await read).equals(Buffer.concat(expected))).toBe(true);
  });

  it("stops the transport while its reader is behind, and lets it go on", async () => {
    const control = new RecordingControl();
    const body = new Body(control);
    body.push(Buffer.alloc(2 * MB));
    expect(control.calls).toEqual(["pause"]);

    body.end();
    expect((await readAll(body)).length).toBe(2 * MB);
    expect(control.calls).toContain("resume");
  });

  it("throws what the transport failed with behind what had arrived before", async () => {
    const body = new Body(new RecordingControl());
    body.push(Buffer.from("part"));
    body.end(new Error("reset"));

    let seen = "";
    const read = (async () => {
      for await (const chunk of body) seen += chunk;
    })();
    await expect(read).rejects.toThrow("reset");
    expect(seen).toBe("part");
  });

  it("ends the transfer when its reader leaves early, and only then", async () => {
    const early = new RecordingControl();
    const body = new Body(early);
    body.push(Buffer.from("much"));
    for await (const _chunk of body) break;
    expect(early.calls).toContain("abort");

    const late = new RecordingControl();
    const whole = new Body(late);
    whole.push(Buffer.from("all"));
    whole.end();
    await readAll(whole);
    expect(late.calls).not.toContain("abort");
  });

  it("waits for the end of a short rest that nobody wants, and gives a long one up", async () => {
    const brief = new RecordingControl();
    const short = new Body(brief);
    const discarded = short.discard();
    short.push(Buffer.alloc(1000));
    short.end();
    await discarded;
    expect(brief.calls).not.toContain("abort");

    const control = new RecordingControl();
    const long = new Body(control);
    const given = long.discard();
    long.push(Buffer.alloc(MB));
    expect(control.calls).toContain("abort");
    long.end(new Error("aborted"));
    await given;
  });
});
