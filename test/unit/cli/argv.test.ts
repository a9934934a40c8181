import { describe, expect, it } from "vitest";
import { type ArgvRules, canonicalArgv, decodeValue, readArgv } from "../../../src/cli/argv.ts";
import { UsageError } from "../../../src/cli/usage-error.ts";

const run: ArgvRules = {
  stopAtPositional: true,
  flags: {
    detach: { type: "boolean", char: "d" },
    interactive: { type: "boolean", char: "i" },
    tty: { type: "boolean", char: "t" },
    rm: { type: "boolean" },
    "sig-proxy": { type: "boolean", allowNo: true },
    env: { type: "option", char: "e", multiple: true },
    publish: { type: "option", char: "p", multiple: true },
    label: { type: "option", char: "l", multiple: true },
    name: { type: "option" },
    timeout: { type: "option", char: "T", aliases: ["time"] },
    entrypoint: { type: "option" },
  },
};
const ps: ArgvRules = { flags: { all: { type: "boolean", char: "a" } }, stopAtPositional: false };

function read(line: string, rules = run) {
  return readArgv(line === "" ? [] : line.split(" "), rules);
}

describe("readArgv", () => {
  it.each<[line: string, flags: string[], positionals: string[]]>([
    // What follows the image is the container's.
    ["-t alpine ls -l /x", ["--tty"], ["alpine", "ls", "-l", "/x"]],
    ["alpine ls --help", [], ["alpine", "ls", "--help"]],
    ["alpine echo a b a", [], ["alpine", "echo", "a", "b", "a"]],
    ["-- alpine -d", [], ["alpine", "-d"]],
    ["alpine -- x", [], ["alpine", "--", "x"]],
    // A flag takes one value, and the image stays the image.
    ["-e A=1 alpine", ["--env", "A=1"], ["alpine"]],
    ["-e A=1 --env=B=2 -eC=3 alpine", ["--env", "A=1", "--env", "B=2", "--env", "C=3"], ["alpine"]],
    ["-e=A=1 alpine", ["--env", "A=1"], ["alpine"]],
    // Letters together, the last with a value.
    ["-it alpine", ["--interactive", "--tty"], ["alpine"]],
    ["-itp 80:80 alpine", ["--interactive", "--tty", "--publish", "80:80"], ["alpine"]],
    ["-dp80:80 alpine", ["--detach", "--publish", "80:80"], ["alpine"]],
    // Booleans with a value.
    ["--sig-proxy=false alpine", ["--no-sig-proxy"], ["alpine"]],
    ["--sig-proxy=true alpine", ["--sig-proxy"], ["alpine"]],
    ["--detach=false alpine", [], ["alpine"]],
    ["-d -d=false alpine", [], ["alpine"]],
    ["--rm=1 --tty=T alpine", ["--rm", "--tty"], ["alpine"]],
    ["--detach false", ["--detach"], ["false"]],
    // The last of a flag with one value counts.
    ["--name a --name b alpine", ["--name", "b"], ["alpine"]],
    ["--time 3 --timeout=4 alpine", ["--timeout", "4"], ["alpine"]],
    ["--name= alpine", ["--name", ""], ["alpine"]],
    // A lone dash is an argument.
    ["- x", [], ["-", "x"]],
    ["", [], []],
  ])("reads `%s`", (line, flags, positionals) => {
    expect(read(line)).toEqual({ flags, positionals, help: false });
  });

  it("lets a value look like a flag", () => {
    const { flags, positionals } = read("--entrypoint -i --name --rm alpine");
    expect(flags.map(decodeValue)).toEqual(["--entrypoint", "-i", "--name", "--rm"]);
    expect(flags.every((word, index) => index % 2 === 0 || !word.startsWith("-"))).toBe(true);
    expect(positionals).toEqual(["alpine"]);
  });

  it("finds flags behind arguments where the command allows it", () => {
    expect(read("a -a b", ps)).toEqual({ flags: ["--all"], positionals: ["a", "b"], help: false });
    expect(read("a -- -a", ps)).toEqual({ flags: [], positionals: ["a", "-a"], help: false });
  });

  it.each(["--help", "-h", "a --help", "-ah", "--help --nonsense"])("sees that `%s` asks for help", (line) => {
    expect(read(line, ps).help).toBe(true);
  });

  it("reads -h as the command's own where it has one", () => {
    const rules = { flags: { hostname: { type: "option", char: "h" } }, stopAtPositional: true } as const;
    expect(read("-h box alpine", rules)).toEqual({
      flags: ["--hostname", "box"],
      positionals: ["alpine"],
      help: false,
    });
  });

  it.each<[line: string, complaint: string]>([
    ["--foo alpine", "unknown flag: --foo"],
    ["--foo=1 alpine", "unknown flag: --foo"],
    ["-Z alpine", "unknown shorthand flag: 'Z' in -Z"],
    ["-itZ alpine", "unknown shorthand flag: 'Z' in -itZ"],
    ["--name", "flag needs an argument: --name"],
    ["-e", "flag needs an argument: 'e' in -e"],
    ["-dp", "flag needs an argument: 'p' in -dp"],
    ["--=x", "bad flag syntax: --=x"],
    ["--rm=maybe", 'invalid argument "maybe" for "--rm" flag: strconv.ParseBool: parsing "maybe": invalid syntax'],
    ["-d=x", 'invalid argument "x" for "-d, --detach" flag: strconv.ParseBool: parsing "x": invalid syntax'],
  ])("refuses `%s` as docker does", (line, complaint) => {
    expect(() => read(line)).toThrow(new UsageError(complaint, { exitCode: 125 }));
  });
});

describe("canonicalArgv", () => {
  it("puts a double dash between flags and arguments", () => {
    expect(canonicalArgv(read("-e A=1 alpine -l"))).toEqual(["--env", "A=1", "--", "alpine", "-l"]);
  });
});
