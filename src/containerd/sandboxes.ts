import type { Mount } from "../model/mount.ts";
import { packJson, SPEC_TYPE, unpackJson } from "./any.ts";
import type { ControllerDefinition, StoreDefinition } from "./generated/containerd/services/sandbox/v1/sandbox.ts";
import type { Sandbox } from "./generated/containerd/types/sandbox.ts";
import { mountToMessage } from "./messages.ts";
import type { CallOptions, ServiceClient, WriteOptions } from "./rpc.ts";
import { packRuncOptions, type RuncOptions, unpackRuncOptions } from "./runc-options.ts";
import { timestampToIso } from "./timestamps.ts";

export interface NewSandbox {
  readonly id: string;
  readonly runtime?: { readonly name: string; readonly options?: RuncOptions | undefined };
  readonly spec?: unknown;
  readonly labels?: Readonly<Record<string, string>>;
  readonly extensions?: Readonly<Record<string, unknown>>;
  /** The controller that is to own it; absent: the default one. */
  readonly sandboxer?: string;
}

export interface SandboxInfo extends Required<Omit<NewSandbox, "spec">> {
  readonly spec: unknown;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface SandboxStatus {
  readonly pid: number;
  readonly state: string;
  readonly info: Readonly<Record<string, string>>;
  readonly createdAt: string;
  readonly exitedAt: string;
}

/**
 * containerd's Sandbox services, since containerd 1.7; `unimplemented` before. A *sandbox* is what the containers of a
 * pod share. The store keeps records, the controller makes them run.
 */
export class Sandboxes {
  constructor(
    private readonly store: ServiceClient<typeof StoreDefinition>,
    private readonly controller: ServiceClient<typeof ControllerDefinition>,
  ) {}

  /** @throws EngineError `already-exists`. */
  async create(sandbox: NewSandbox, options?: WriteOptions): Promise<SandboxInfo> {
    return sandboxFromMessage((await this.store.unary("create", { sandbox: toMessage(sandbox) }, options)).sandbox);
  }

  /** Replaces the fields, or without them all that can change. @throws EngineError `not-found`. */
  async update(sandbox: NewSandbox, fields: readonly string[] = [], options?: WriteOptions): Promise<SandboxInfo> {
    const request = { sandbox: toMessage(sandbox), fields: [...fields] };
    return sandboxFromMessage((await this.store.unary("update", request, options)).sandbox);
  }

  /** @throws EngineError `not-found`. */
  async get(sandboxId: string, options?: CallOptions): Promise<SandboxInfo> {
    return sandboxFromMessage((await this.store.unary("get", { sandboxId }, options)).sandbox);
  }

  async list(filters: readonly string[] = [], options?: CallOptions): Promise<SandboxInfo[]> {
    return (await this.store.unary("list", { filters: [...filters] }, options)).list.map(sandboxFromMessage);
  }

  /** The record alone. @throws EngineError `not-found`. */
  async delete(sandboxId: string, options?: CallOptions): Promise<void> {
    await this.store.unary("delete", { sandboxId }, options);
  }

  /** Prepares the sandbox of a record; `start` follows. */
  async prepare(
    sandboxId: string,
    options: WriteOptions & {
      readonly rootfs?: readonly Mount[];
      readonly netnsPath?: string;
      readonly annotations?: Readonly<Record<string, string>>;
      readonly sandboxer?: string;
    } = {},
  ): Promise<void> {
    const request = {
      sandboxId,
      rootfs: (options.rootfs ?? []).map(mountToMessage),
      netnsPath: options.netnsPath ?? "",
      annotations: { ...options.annotations },
      sandboxer: options.sandboxer ?? "",
    };
    await this.controller.unary("create", request, options);
  }

  async start(sandboxId: string, sandboxer = "", options?: CallOptions): Promise<{ readonly pid: number }> {
    const { pid } = await this.controller.unary("start", { sandboxId, sandboxer }, options);
    return { pid };
  }

  async status(sandboxId: string, sandboxer = "", options?: CallOptions): Promise<SandboxStatus> {
    const status = await this.controller.unary("status", { sandboxId, verbose: false, sandboxer }, options);
    return {
      pid: status.pid,
      state: status.state,
      info: status.info,
      createdAt: timestampToIso(status.createdAt),
      exitedAt: timestampToIso(status.exitedAt),
    };
  }

  async stop(sandboxId: string, timeoutSecs: number, sandboxer = "", options?: CallOptions): Promise<void> {
    await this.controller.unary("stop", { sandboxId, timeoutSecs, sandboxer }, options);
  }

  async wait(
    sandboxId: string,
    sandboxer = "",
    options?: CallOptions,
  ): Promise<{ readonly exitStatus: number; readonly exitedAt: string }> {
    const { exitStatus, exitedAt } = await this.controller.unary("wait", { sandboxId, sandboxer }, options);
    return { exitStatus, exitedAt: timestampToIso(exitedAt) };
  }

  async shutdown(sandboxId: string, sandboxer = "", options?: CallOptions): Promise<void> {
    await this.controller.unary("shutdown", { sandboxId, sandboxer }, options);
  }
}

function sandboxFromMessage(sandbox: Sandbox | undefined): SandboxInfo {
  const extensions = Object.entries(sandbox?.extensions ?? {}).map(([name, any]) => [name, unpackJson(any)]);
  return {
    id: sandbox?.sandboxId ?? "",
    runtime: { name: sandbox?.runtime?.name ?? "", options: unpackRuncOptions(sandbox?.runtime?.options) },
    spec: unpackJson(sandbox?.spec),
    labels: sandbox?.labels ?? {},
    extensions: Object.fromEntries(extensions),
    sandboxer: sandbox?.sandboxer ?? "",
    createdAt: timestampToIso(sandbox?.createdAt),
    updatedAt: timestampToIso(sandbox?.updatedAt),
  };
}

function toMessage(sandbox: NewSandbox): Sandbox {
  const extensions = Object.entries(sandbox.extensions ?? {}).map(([name, value]) => [name, packJson(name, value)]);
  return {
    sandboxId: sandbox.id,
    runtime: sandbox.runtime && {
      name: sandbox.runtime.name,
      options: sandbox.runtime.options && packRuncOptions(sandbox.runtime.options),
    },
    spec: sandbox.spec === undefined ? undefined : packJson(SPEC_TYPE, sandbox.spec),
    labels: { ...sandbox.labels },
    extensions: Object.fromEntries(extensions),
    sandboxer: sandbox.sandboxer ?? "",
  };
}
