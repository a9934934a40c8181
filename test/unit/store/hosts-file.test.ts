import { describe, expect, it } from "vitest";
import { withHostEntries } from "../../../src/store/hosts-file.ts";

const ENTRIES = [{ address: "10.4.0.2", names: ["web", "w"] }];

describe("wharf's block in a hosts file", () => {
  it("comes behind what is there, on a line of its own", () => {
    const text = withHostEntries("127.0.0.1\tlocalhost", ENTRIES);

    expect(text).toMatch(/^127\.0\.0\.1\tlocalhost\n#.*\n10\.4\.0\.2\tweb w\n#.*\n$/);
  });

  it("is replaced where it stands", () => {
    const before = `${withHostEntries("first\n", ENTRIES)}last\n`;

    const after = withHostEntries(before, [{ address: "10.4.0.3", names: ["web"] }]);

    expect(after).toBe(before.replace("10.4.0.2\tweb w", "10.4.0.3\tweb"));
  });

  it("goes with its entries", () => {
    expect(withHostEntries(withHostEntries("first\n", ENTRIES), [])).toBe("first\n");
    expect(withHostEntries("", [])).toBe("");
  });
});

it("writes the same twice, also where somebody tore an earlier block apart", () => {
  const entries = [{ address: "10.0.0.2", names: ["b"] }];
  const block = withHostEntries("", entries);
  const torn = `1.2.3.4 own\n${block.split("\n")[0]}\n10.0.0.1\ta\n`;

  const once = withHostEntries(torn, entries);

  expect(once).toBe(torn + block);
  expect(withHostEntries(once, entries)).toBe(once);
});
