import { isEngineError } from "../errors.ts";
import {
  FORWARD_CHAIN,
  INPUT_CHAIN,
  JUMPS,
  MASQUERADE_CHAIN,
  type NetworkRules,
  PUBLISH_CHAIN,
  type Rule,
} from "./firewall-rules.ts";
import { Serial } from "./serial.ts";
import { runToolOrThrow } from "./tool.ts";

type Table = Rule["table"];

const TABLES: readonly Table[] = ["nat", "filter"];
const CHAINS: readonly { readonly table: Table; readonly chain: string }[] = [
  { table: "nat", chain: PUBLISH_CHAIN },
  { table: "nat", chain: MASQUERADE_CHAIN },
  { table: "filter", chain: FORWARD_CHAIN },
  { table: "filter", chain: INPUT_CHAIN },
];

/** One line of iptables-restore's input. */
interface Change {
  readonly table: Table;
  readonly line: string;
}

interface Pending {
  readonly changes: readonly Change[];
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * wharf's chains in the host's iptables, whichever of the two iptables a host has. Every change is one transaction of
 * iptables-restore, and what is asked for while one runs goes into the next together: thirty containers that start at
 * once cost a few transactions.
 */
export class Firewall {
  readonly #serial = new Serial();
  #pending: Pending[] = [];

  /** Adds rules to chains that stand. */
  append(rules: readonly Rule[]): Promise<void> {
    return this.#apply(rules.map(({ table, chain, match }) => ({ table, line: `-A ${chain} ${match}` })));
  }

  /** Removes rules. Those that somebody else has removed already are no failure. */
  async remove(rules: readonly Rule[]): Promise<void> {
    try {
      await this.#apply(rules.map(deletion));
    } catch (error) {
      if (!isEngineError(error, "internal")) throw error;
      await this.#serial.run(async () => {
        const present = await readRuleset();
        await commit(rules.filter((rule) => present.has(rule)).map(deletion));
      });
    }
  }

  /**
   * Makes the chains, a network's rules and its published ports stand, adding only what is missing. Repairs what a
   * reloaded firewall has thrown away. `listPublished` is asked when the turn has come: a port that was withdrawn while
   * others changed the firewall must not come back.
   */
  ensure({ inward, outward }: NetworkRules, listPublished: () => Promise<readonly Rule[]>): Promise<void> {
    return this.#serial.run(async () => {
      const present = await readRuleset();
      const published = await listPublished();
      const missing = (rules: readonly Rule[]) => rules.filter((rule) => !present.has(rule));
      await commit([
        ...CHAINS.filter(({ table, chain }) => !present.hasChain(table, chain)).map(({ table, chain }) => ({
          table,
          line: `-N ${chain}`,
        })),
        ...missing(JUMPS).map((rule) => insertJump(rule, present)),
        // Inserted one above the other, so the last goes first.
        ...missing(inward)
          .toReversed()
          .map(({ table, chain, match }) => ({ table, line: `-I ${chain} ${match}` })),
        ...missing([...outward, ...published]).map(({ table, chain, match }) => ({
          table,
          line: `-A ${chain} ${match}`,
        })),
      ]);
    });
  }

  /** Takes a network's rules away, and with those of the last network the chains and the jumps into them. */
  dismantle({ inward, outward }: NetworkRules): Promise<void> {
    return this.#serial.run(async () => {
      const present = await readRuleset();
      const own = (rule: Rule) => CHAINS.some(({ table, chain }) => rule.table === table && rule.chain === chain);
      const going = [...inward, ...outward].filter((rule) => present.has(rule));
      const last = present.rules.filter(own).length === going.length;
      const chains = last ? CHAINS.filter(({ table, chain }) => present.hasChain(table, chain)) : [];
      await commit([
        ...going.map(deletion),
        ...(last ? JUMPS.filter((rule) => present.has(rule)).map(deletion) : []),
        ...chains.map(({ table, chain }) => ({ table, line: `-X ${chain}` })),
      ]);
    });
  }

  /** The host's rules between two changes of ours. */
  inspect(): Promise<Ruleset> {
    return this.#serial.run(readRuleset);
  }

  #apply(changes: readonly Change[]): Promise<void> {
    if (changes.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#pending.push({ changes, resolve, reject });
      if (this.#pending.length === 1) void this.#serial.run(() => this.#commitPending());
    });
  }

  /** Commits all that waits as one; if that fails, each by itself, so that only the culprit fails. */
  async #commitPending(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    try {
      await commit(pending.flatMap(({ changes }) => changes));
      for (const { resolve } of pending) resolve();
    } catch (error) {
      const [only, ...others] = pending;
      if (others.length === 0) only?.reject(error);
      else for (const { changes, resolve, reject } of pending) await commit(changes).then(resolve, reject);
    }
  }
}

/** The host's rules of the tables nat and filter at one moment. */
export class Ruleset {
  readonly rules: Rule[] = [];
  /** Of the chain FORWARD: what becomes of a packet that no rule decides on. */
  readonly forwardPolicy: string;
  readonly #lines = new Set<string>();

  constructor(saved: string) {
    let table = "";
    for (const line of saved.split("\n")) {
      if (line.startsWith("*")) table = line.slice(1);
      if (table !== "nat" && table !== "filter") continue;
      this.#lines.add(`${table} ${line.split(" ")[0]}`);
      const [, chain, match] = /^-A (\S+) (.*)$/.exec(line) ?? [];
      if (chain === undefined || match === undefined) continue;
      this.#lines.add(`${table} -A ${chain} ${match}`);
      this.rules.push({ table, chain, match });
    }
    this.forwardPolicy = /^:FORWARD (\S+)/m.exec(saved.slice(saved.indexOf("*filter")))?.[1] ?? "ACCEPT";
  }

  has({ table, chain, match }: Rule): boolean {
    return this.#lines.has(`${table} -A ${chain} ${match}`);
  }

  hasChain(table: Table, chain: string): boolean {
    return this.#lines.has(`${table} :${chain}`);
  }
}

async function readRuleset(): Promise<Ruleset> {
  return new Ruleset(await runToolOrThrow("iptables-save", []));
}

async function commit(changes: readonly Change[]): Promise<void> {
  if (changes.length === 0) return;
  const tables = TABLES.map((table) => ({ table, lines: changes.filter((change) => change.table === table) }));
  const text = tables
    .filter(({ lines }) => lines.length > 0)
    .map(({ table, lines }) => [`*${table}`, ...lines.map(({ line }) => line), "COMMIT", ""].join("\n"))
    .join("");
  await runToolOrThrow("iptables-restore", ["--noflush", "-w", "30"], { stdin: text });
}

function deletion({ table, chain, match }: Rule): Change {
  return { table, line: `-D ${chain} ${match}` };
}

/**
 * A jump goes to the top of its chain, since a rule that rejects everything may stand at the end. In FORWARD it goes
 * behind docker's jumps, so that what an administrator wrote into DOCKER-USER holds for wharf's containers too.
 */
function insertJump({ table, chain, match }: Rule, present: Ruleset): Change {
  if (chain === "POSTROUTING") return { table, line: `-A ${chain} ${match}` };
  const rules = present.rules.filter((rule) => rule.table === table && rule.chain === chain);
  const behind = chain === "FORWARD" ? rules.findLastIndex((rule) => / -j DOCKER\b/.test(` ${rule.match}`)) : -1;
  return { table, line: `-I ${chain} ${behind + 2} ${match}` };
}
