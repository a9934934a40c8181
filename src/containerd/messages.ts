import type { Descriptor } from "../model/descriptor.ts";
import type { Mount } from "../model/mount.ts";
import type { Platform } from "../model/platform.ts";
import type { Descriptor as DescriptorMessage } from "./generated/containerd/types/descriptor.ts";
import type { Mount as MountMessage } from "./generated/containerd/types/mount.ts";
import type { Platform as PlatformMessage } from "./generated/containerd/types/platform.ts";

// The messages that several services share, and the model's values that they stand for.

/** containerd's descriptor has neither platform nor URLs: those stay in the index or manifest that named it. */
export function descriptorFromMessage(message: DescriptorMessage | undefined): Descriptor {
  const annotations = message?.annotations ?? {};
  return {
    mediaType: message?.mediaType ?? "",
    digest: message?.digest ?? "",
    size: Number(message?.size ?? 0n),
    ...(Object.keys(annotations).length > 0 && { annotations }),
  };
}

export function descriptorToMessage(descriptor: Descriptor): DescriptorMessage {
  return {
    mediaType: descriptor.mediaType,
    digest: descriptor.digest,
    size: BigInt(descriptor.size),
    annotations: { ...descriptor.annotations },
  };
}

export function mountFromMessage(message: MountMessage): Mount {
  return { type: message.type, source: message.source, target: message.target, options: message.options };
}

export function mountToMessage(mount: Mount): MountMessage {
  return { type: mount.type, source: mount.source, target: mount.target, options: [...mount.options] };
}

export function platformFromMessage(message: PlatformMessage): Platform {
  return {
    os: message.os,
    architecture: message.architecture,
    ...(message.variant && { variant: message.variant }),
    ...(message.osVersion && { "os.version": message.osVersion }),
    ...(message.osFeatures.length > 0 && { "os.features": message.osFeatures }),
  };
}
