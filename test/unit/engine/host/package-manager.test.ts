import { describe, expect, it } from "vitest";
import { installCommands } from "../../../../src/engine/host/package-manager.ts";
import { REQUIREMENTS } from "../../../../src/engine/host/requirements.ts";

describe("installCommands", () => {
  it.each([
    ["apt-get", ["apt-get update --quiet", "apt-get install --quiet --yes --no-install-recommends runc tini"]],
    ["dnf", ["dnf install --assumeyes runc tini"]],
    ["zypper", ["zypper --non-interactive install runc tini"]],
    ["apk", ["apk add --update-cache runc tini"]],
    ["pacman", ["pacman --sync --refresh --noconfirm --needed runc tini"]],
  ] as const)("asks %s without a question back", (manager, commands) => {
    expect(installCommands(manager, ["runc", "tini"]).map((argv) => argv.join(" "))).toEqual(commands);
  });
});

describe("REQUIREMENTS", () => {
  it("names a package of every package manager", () => {
    for (const { packages } of REQUIREMENTS) expect(Object.values(packages)).not.toContain("");
  });
});
