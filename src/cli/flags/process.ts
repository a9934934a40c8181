import type { InferredFlags } from "@oclif/core/interfaces";
import { EngineError } from "../../errors.ts";
import type { LooseCreateBody } from "../../model/create-body.ts";
import { keyValueMap, parseEnvironmentVariable, parseLabel, splitKeyValue } from "../../model/key-values.ts";
import { Flags } from "../parameters.ts";
import { environmentLookup, readKeyValueFiles } from "./key-value-files.ts";

/** What runs in the container: its command, user, environment, streams and labels. */
export const processFlags = {
  attach: Flags.of(parseStream)({
    char: "a",
    multiple: true,
    helpValue: "list",
    summary: "Attach to STDIN, STDOUT or STDERR",
  }),
  interactive: Flags.boolean({ char: "i", summary: "Keep STDIN open even if not attached" }),
  tty: Flags.boolean({ char: "t", summary: "Allocate a pseudo-TTY" }),
  entrypoint: Flags.string({ helpValue: "string", summary: "Overwrite the default ENTRYPOINT of the image" }),
  workdir: Flags.string({ char: "w", helpValue: "string", summary: "Working directory inside the container" }),
  user: Flags.string({
    char: "u",
    helpValue: "string",
    summary: "Username or UID (format: <name|uid>[:<group|gid>])",
  }),
  "group-add": Flags.string({ multiple: true, helpValue: "list", summary: "Add additional groups to join" }),
  env: Flags.of((text) => parseEnvironmentVariable(text, environmentLookup))({
    char: "e",
    multiple: true,
    helpValue: "list",
    summary: "Set environment variables",
  }),
  "env-file": Flags.string({
    multiple: true,
    helpValue: "list",
    summary: "Read in a file of environment variables",
  }),
  label: Flags.of(parseLabel)({
    char: "l",
    multiple: true,
    helpValue: "list",
    summary: "Set meta data on a container",
  }),
  "label-file": Flags.string({
    multiple: true,
    helpValue: "list",
    summary: "Read in a line delimited file of labels",
  }),
  annotation: Flags.string({
    multiple: true,
    helpValue: "map",
    summary: "Add an annotation to the container (passed through to the OCI runtime)",
  }),
  hostname: Flags.string({ char: "h", helpValue: "string", summary: "Container host name" }),
  domainname: Flags.string({ helpValue: "string", summary: "Container NIS domain name" }),
  init: Flags.boolean({
    summary: "Run an init inside the container that forwards signals and reaps processes",
  }),
};

/** The container's process, as the API has it; `image` and `command` are the words behind the flags. */
export function processBody(
  flags: InferredFlags<typeof processFlags>,
  { image, command }: { readonly image: string; readonly command: readonly string[] },
): LooseCreateBody {
  const streams = flags.attach ?? ["stdout", "stderr"];
  const attachStdin = flags.interactive || streams.includes("stdin");
  const envFiles = readKeyValueFiles(flags["env-file"] ?? [], { kind: "env file", lookUp: environmentLookup });
  const labelFiles = readKeyValueFiles(flags["label-file"] ?? [], { kind: "label file", lookUp: () => "" });
  return {
    Image: image,
    Cmd: command.length > 0 ? command : null,
    Entrypoint: flags.entrypoint === undefined ? null : [flags.entrypoint],
    AttachStdin: attachStdin,
    AttachStdout: streams.includes("stdout"),
    AttachStderr: streams.includes("stderr"),
    OpenStdin: flags.interactive,
    StdinOnce: flags.interactive,
    Tty: flags.tty,
    User: flags.user ?? "",
    WorkingDir: flags.workdir ?? "",
    Env: lastOfEachName([...envFiles, ...(flags.env ?? [])]),
    Labels: keyValueMap([...labelFiles, ...(flags.label ?? [])]),
    Hostname: flags.hostname ?? "",
    Domainname: flags.domainname ?? "",
    HostConfig: {
      GroupAdd: flags["group-add"] ?? null,
      ...(flags.annotation && { Annotations: keyValueMap(flags.annotation) }),
      ...(flags.init && { Init: true }),
    },
  };
}

function lastOfEachName(variables: readonly string[]): string[] {
  return [...new Map(variables.map((variable) => [splitKeyValue(variable).key, variable])).values()];
}

function parseStream(text: string): string {
  const stream = text.toLowerCase();
  if (["stdin", "stdout", "stderr"].includes(stream)) return stream;
  throw new EngineError("invalid-argument", "valid streams are STDIN, STDOUT and STDERR");
}
