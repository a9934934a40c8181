import { EngineError } from "../errors.ts";
import { parseByteSize } from "./byte-size.ts";
import type { DeviceMapping, ThrottleDevice, WeightDevice } from "./container-config.ts";

const ALL_PERMISSIONS = "rwm";
/** A name of the Container Device Interface: `vendor.com/class=device`. */
const CDI_NAME = /^[a-zA-Z][\w.-]*[a-zA-Z0-9]\/[a-zA-Z][\w-]*=[a-zA-Z0-9][\w:.-]*$/;

/**
 * Reads a `--device`: `host[:container][:permissions]`, permissions of `r`, `w` and `m`.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseDevice(text: string): DeviceMapping {
  const parts = text.split(":");
  const [host = "", second, third] = parts;
  if (parts.length > 3 || host === "") throw invalid(`bad format for path: ${text}`);
  if (third !== undefined && !isPermissions(third)) throw invalid(`bad mode specified: ${third}`);
  const secondIsMode = third === undefined && second !== undefined && isPermissions(second);
  const container = second === undefined || secondIsMode ? host : second;
  if (!container.startsWith("/")) throw invalid(`${container} is not an absolute path`);
  return {
    PathOnHost: host,
    PathInContainer: container,
    CgroupPermissions: third ?? (secondIsMode ? second : ALL_PERMISSIONS),
  };
}

/** True for a device that a CDI specification names instead of a path. */
export function isCdiDevice(text: string): boolean {
  return CDI_NAME.test(text);
}

/**
 * Checks a `--device-cgroup-rule`: `type major:minor permissions`, numbers or `*`.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseDeviceCgroupRule(text: string): string {
  if (/^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$/.test(text)) return text;
  throw invalid(`invalid device cgroup format '${text}'`);
}

/**
 * Reads a `--blkio-weight-device`: `path:weight`.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseWeightDevice(text: string): WeightDevice {
  const { path, value } = splitDeviceValue(text);
  const weight = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (weight === 0 || (weight >= 10 && weight <= 1000)) return { Path: path, Weight: weight };
  throw invalid(`invalid weight for device: ${text}`);
}

/**
 * Reads a `--device-read-bps` or `--device-write-bps`: `path:size`.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseBytesPerSecond(text: string): ThrottleDevice {
  const { path, value } = splitDeviceValue(text);
  const format =
    "<device-path>:<number>[<unit>]. Number must be a positive integer. Unit is optional and can be kb, mb, or gb";
  try {
    return { Path: path, Rate: parseByteSize(value) };
  } catch {
    throw invalid(`invalid rate for device: ${text}. The correct format is ${format}`);
  }
}

/**
 * Reads a `--device-read-iops` or `--device-write-iops`: `path:number`.
 *
 * @throws EngineError `invalid-argument`.
 */
export function parseOperationsPerSecond(text: string): ThrottleDevice {
  const { path, value } = splitDeviceValue(text);
  if (/^\d+$/.test(value)) return { Path: path, Rate: Number(value) };
  const format = "<device-path>:<number>. Number must be a positive integer";
  throw invalid(`invalid rate for device: ${text}. The correct format is ${format}`);
}

function splitDeviceValue(text: string): { path: string; value: string } {
  const [path = "", value, ...more] = text.split(":");
  if (path === "" || value === undefined || more.length > 0) throw invalid(`bad format: ${text}`);
  if (!path.startsWith("/dev/")) throw invalid(`bad format for device path: ${text}`);
  return { path, value };
}

/** Each letter at most once. */
function isPermissions(text: string): boolean {
  return /^[rwm]{1,3}$/.test(text) && new Set(text).size === text.length;
}

function invalid(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
