/** What happened to a thing, as `GET /events` tells it, with the fields that clients before API 1.50 read. */
export interface EngineEvent {
  readonly status?: string;
  readonly id?: string;
  readonly from?: string;
  readonly Type: "container" | "network" | "volume" | "image";
  /** `start`, `die`, `exec_create: sh` … */
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly scope: "local";
  /** Seconds since 1970. */
  readonly time: number;
  readonly timeNano: number;
}
