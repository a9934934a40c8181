import { packJson, typeNameOf, unpackJson } from "./any.ts";
import { ContainerCreate, ContainerDelete, ContainerUpdate } from "./generated/containerd/events/container.ts";
import { ContentCreate, ContentDelete } from "./generated/containerd/events/content.ts";
import { ImageCreate, ImageDelete, ImageUpdate } from "./generated/containerd/events/image.ts";
import { NamespaceCreate, NamespaceDelete, NamespaceUpdate } from "./generated/containerd/events/namespace.ts";
import { SandboxCreate, SandboxExit, SandboxStart } from "./generated/containerd/events/sandbox.ts";
import { SnapshotCommit, SnapshotPrepare, SnapshotRemove } from "./generated/containerd/events/snapshot.ts";
import {
  TaskCheckpointed,
  TaskCreate,
  TaskDelete,
  TaskExecAdded,
  TaskExecStarted,
  TaskExit,
  TaskOOM,
  TaskPaused,
  TaskResumed,
  TaskStart,
} from "./generated/containerd/events/task.ts";
import type { Any } from "./generated/google/protobuf/any.ts";
import type { Timestamp } from "./generated/google/protobuf/timestamp.ts";
import { timestampFromIso, timestampToIso } from "./timestamps.ts";

const CODECS = {
  "containerd.events.ContainerCreate": ContainerCreate,
  "containerd.events.ContainerUpdate": ContainerUpdate,
  "containerd.events.ContainerDelete": ContainerDelete,
  "containerd.events.ContentCreate": ContentCreate,
  "containerd.events.ContentDelete": ContentDelete,
  "containerd.events.NamespaceCreate": NamespaceCreate,
  "containerd.events.NamespaceUpdate": NamespaceUpdate,
  "containerd.events.NamespaceDelete": NamespaceDelete,
  "containerd.events.SandboxCreate": SandboxCreate,
  "containerd.events.SandboxStart": SandboxStart,
  "containerd.events.SandboxExit": SandboxExit,
  "containerd.events.SnapshotPrepare": SnapshotPrepare,
  "containerd.events.SnapshotCommit": SnapshotCommit,
  "containerd.events.SnapshotRemove": SnapshotRemove,
  "containerd.events.TaskCreate": TaskCreate,
  "containerd.events.TaskStart": TaskStart,
  "containerd.events.TaskDelete": TaskDelete,
  "containerd.events.TaskExit": TaskExit,
  "containerd.events.TaskOOM": TaskOOM,
  "containerd.events.TaskExecAdded": TaskExecAdded,
  "containerd.events.TaskExecStarted": TaskExecStarted,
  "containerd.events.TaskPaused": TaskPaused,
  "containerd.events.TaskResumed": TaskResumed,
  "containerd.events.TaskCheckpointed": TaskCheckpointed,
  "containerd.services.images.v1.ImageCreate": ImageCreate,
  "containerd.services.images.v1.ImageUpdate": ImageUpdate,
  "containerd.services.images.v1.ImageDelete": ImageDelete,
} as const;

type Codecs = typeof CODECS;
type MessageOf<Name extends keyof Codecs> = ReturnType<Codecs[Name]["decode"]>;

/** A message with times as ISO strings and 64-bit numbers as numbers. */
type Plain<T> = T extends bigint
  ? number
  : T extends Timestamp
    ? string
    : T extends Uint8Array
      ? T
      : T extends object
        ? { readonly [Key in keyof T]: Plain<T[Key]> }
        : T;

/** The events that containerd itself sends, told apart by `type`; their fields as in `proto/containerd/events`. */
export type EventFields = { [Name in keyof Codecs]: { readonly type: Name } & Plain<MessageOf<Name>> }[keyof Codecs];

/** An event that a plugin or another client sent. Its fields are known if they were JSON. */
export interface UnknownEvent {
  readonly type: "unknown";
  readonly typeUrl: string;
  readonly fields: unknown;
}

export interface ContainerdEvent {
  readonly timestamp: string;
  readonly namespace: string;
  /** A path such as `/tasks/exit`. */
  readonly topic: string;
  readonly event: EventFields | UnknownEvent;
}

export function eventFromAny(any: Any | undefined): EventFields | UnknownEvent {
  const type = any && typeNameOf(any);
  if (!any || !isKnown(type)) return { type: "unknown", typeUrl: any?.typeUrl ?? "", fields: unpackJson(any) };
  return { type, ...(toPlain(CODECS[type].decode(any.value)) as object) } as EventFields;
}

export function eventToAny(event: EventFields | UnknownEvent): Any {
  if (event.type === "unknown") return packJson(event.typeUrl, event.fields);
  const { type, ...fields } = event;
  const codec = CODECS[type] as { encode(message: unknown): { finish(): Uint8Array } };
  return { typeUrl: type, value: codec.encode(fromPlain(fields)).finish() };
}

function isKnown(type: string | undefined): type is keyof Codecs {
  return type !== undefined && type in CODECS;
}

function toPlain(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(toPlain);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (isTimestamp(value)) return timestampToIso(value);
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, toPlain(field)]));
}

/** Only the fields of containerd's events need a way back: `exitedAt` is a time, `size` has 64 bits. */
function fromPlain(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => {
      if (key === "exitedAt") return [key, timestampFromIso(String(value))];
      if (key === "size") return [key, BigInt(Number(value))];
      return [key, value];
    }),
  );
}

function isTimestamp(value: object): value is Timestamp {
  return "seconds" in value && "nanos" in value;
}
