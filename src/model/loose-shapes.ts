import type { HealthConfig } from "./container-config.ts";
import { anything, integer, list, mapOf, object, optional, type Shape, string } from "./json-shape.ts";

/** Members that bodies of the Engine API and configs of images have alike: each may be left out, or null. */

export const text = optional(string);
export const count = optional(integer);
export const texts = optional(list(string));
export const textsByName = optional(mapOf(string));
/** A set as Go writes it: its members' names, with empty objects behind them. */
export const namesOnly = optional(mapOf(anything)) as Shape<Record<string, Record<string, never>> | undefined>;

export const health = object({
  Test: texts,
  Interval: count,
  Timeout: count,
  StartPeriod: count,
  StartInterval: count,
  Retries: count,
}) satisfies Shape<HealthConfig>;
