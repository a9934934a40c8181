import type { DoctorEntry } from "../../../model/doctor-report.ts";
import { Chart } from "./chart.ts";
import { type Finder, type Finding, keyOf } from "./finding.ts";
import type { Ward } from "./ward.ts";

/** Mending a process may bring to light what it held; it takes no more rounds than these. */
const MAX_ROUNDS = 4;

/**
 * Finds what is not as it should be, and changes nothing. A finding is what two looks in a row have seen while
 * everything that was under way at the first came to its end: so nothing is found that somebody is just making, or
 * just about to remove.
 */
export async function examine(ward: Ward, finders: readonly Finder[], signal: AbortSignal): Promise<Sighting[]> {
  const first = await look(ward, finders, signal);
  if (first.length === 0) return [];
  await ward.settled();
  return seenBefore(first, await look(ward, finders, signal));
}

/**
 * Mends what `examine` finds, and tells of each finding what became of it. Right before the findings of a finder are
 * mended it looks a third time, and the mending is done by the operations that do it in ordinary life, under the same
 * guards.
 */
export async function repair(ward: Ward, finders: readonly Finder[], signal: AbortSignal): Promise<DoctorEntry[]> {
  const entries = new Map<string, DoctorEntry>();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const findings = await examine(ward, finders, signal);
    const fresh = findings.filter((finding) => !entries.has(keyOf(finding)));
    if (fresh.length === 0) break;
    for (const finder of finders) {
      if (!fresh.some((finding) => finding.finder === finder)) continue;
      for (const finding of seenBefore(fresh, await look(ward, [finder], signal))) {
        entries.set(keyOf(finding), await mend(finding, signal));
      }
    }
    // What is not there any more has been mended by somebody, or with something else.
    for (const finding of fresh) {
      if (!entries.has(keyOf(finding))) entries.set(keyOf(finding), { ...describeFinding(finding), Mended: true });
    }
    await ward.settled();
  }
  return [...entries.values()];
}

/** A finding as it is told to the outside. */
export function describeFinding({ kind, object, namespace = "", why, remedy, bytes = 0 }: Finding): DoctorEntry {
  return { Kind: kind, Object: object, Namespace: namespace, Why: why, Remedy: remedy, Bytes: bytes };
}

async function mend(finding: Finding, signal: AbortSignal): Promise<DoctorEntry> {
  const entry = describeFinding(finding);
  if (finding.mend === undefined) return { ...entry, Mended: false };
  try {
    await finding.mend(signal);
    return { ...entry, Mended: true };
  } catch (error) {
    return { ...entry, Mended: false, Failure: error instanceof Error ? error.message : String(error) };
  }
}

/** Something that was found, and by whom. */
type Sighting = Finding & { readonly finder: Finder };

function seenBefore(before: readonly Finding[], now: readonly Sighting[]): Sighting[] {
  const known = new Set(before.map(keyOf));
  return now.filter((finding) => known.has(keyOf(finding)));
}

/** One look of some finders. One that cannot look says so, and does not keep the others from it. */
async function look(ward: Ward, finders: readonly Finder[], signal: AbortSignal): Promise<Sighting[]> {
  const chart = await Chart.draw(ward, signal);
  const results = await Promise.allSettled(finders.map((finder) => finder(ward, chart, signal)));
  return results.flatMap((result, index) => {
    const finder = finders[index] as Finder;
    const found = result.status === "fulfilled" ? result.value : [unableToLook(finder, result.reason)];
    return found.map((finding) => ({ ...finding, finder }));
  });
}

function unableToLook(finder: Finder, reason: unknown): Finding {
  const why = reason instanceof Error ? reason.message : String(reason);
  return { kind: "examination", object: finder.name, why, remedy: "see to it and look again" };
}
