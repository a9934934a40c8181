import { typeNameOf } from "./any.ts";
import { Options, ProcessDetails } from "./generated/containerd/runc/v1/options.ts";
import type { Any } from "./generated/google/protobuf/any.ts";

const TYPE_NAME = "containerd.runc.v1.Options";

/** Options of the shim for runc and for runtimes with runc's command line. What is left out is the shim's default. */
export interface RuncOptions {
  /** The OCI runtime: a name or a path. */
  readonly binaryName?: string;
  /** Folder of the OCI runtime's state. */
  readonly root?: string;
  readonly systemdCgroup?: boolean;
  readonly noPivotRoot?: boolean;
  readonly noNewKeyring?: boolean;
  readonly shimCgroup?: string;
  readonly ioUid?: number;
  readonly ioGid?: number;
}

export function packRuncOptions(options: RuncOptions): Any {
  const message: Options = {
    noPivotRoot: options.noPivotRoot ?? false,
    noNewKeyring: options.noNewKeyring ?? false,
    shimCgroup: options.shimCgroup ?? "",
    ioUid: options.ioUid ?? 0,
    ioGid: options.ioGid ?? 0,
    binaryName: options.binaryName ?? "",
    root: options.root ?? "",
    systemdCgroup: options.systemdCgroup ?? false,
    criuImagePath: "",
    criuWorkPath: "",
    taskApiAddress: "",
    taskApiVersion: 0,
  };
  return { typeUrl: TYPE_NAME, value: Options.encode(message).finish() };
}

/** `undefined` for options that are absent or another runtime's. */
export function unpackRuncOptions(any: Any | undefined): RuncOptions | undefined {
  return any && typeNameOf(any) === TYPE_NAME ? Options.decode(any.value) : undefined;
}

/** The exec that a process belongs to, out of the details that the shim tells about it. */
export function unpackExecId(details: Any): string | undefined {
  return typeNameOf(details) === "containerd.runc.v1.ProcessDetails"
    ? ProcessDetails.decode(details.value).execId
    : undefined;
}
