import { readFileSync } from "node:fs";
import type { Networks } from "../cni/networks.ts";
import type { Containerd } from "../containerd/client.ts";
import { ContainerNames } from "../engine/containers/names.ts";
import type { Settings } from "../model/settings.ts";
import type { HostFacts } from "../spec/host-facts.ts";
import type { Stdio } from "../stdio/stdio.ts";
import type { Store } from "../store/store.ts";
import { EventLog } from "./events.ts";
import { ExecSessions } from "./exec-sessions.ts";
import { LeftoverExecs } from "./leftover-execs.ts";
import { ContainerRuns } from "./runs.ts";
import type { NamespaceServices, SupervisorEngine } from "./services.ts";
import { WaitingViewers } from "./waiting-viewers.ts";

export interface NamespacesOptions {
  readonly settings: Settings;
  readonly containerd: Containerd;
  /** One for all namespaces: they share the host's ports and addresses. */
  readonly networks: Networks;
  readonly store: Store;
  readonly host: HostFacts;
  readonly stdio: Stdio;
  readonly onDefect: (error: unknown) => void;
}

/** The namespaces that the supervisor looks after; each is opened, and what an earlier supervisor left in it taken up, once. */
export class Namespaces {
  readonly #options: NamespacesOptions;
  readonly #open = new Map<string, NamespaceServices>();
  readonly #bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();

  constructor(options: NamespacesOptions) {
    this.#options = options;
  }

  get names(): string[] {
    return [...this.#open.keys()];
  }

  get runningCount(): number {
    return [...this.#open.values()].reduce((count, { runs }) => count + runs.runningCount, 0);
  }

  /** The services of a namespace, the supervisor's own by default, seen through a snapshotter. */
  open(namespace = this.#options.settings.namespace, snapshotter?: string): NamespaceServices {
    const services = this.#open.get(namespace) ?? this.#make(namespace);
    this.#open.set(namespace, services);
    if (snapshotter === undefined || snapshotter === services.engine.containerd.snapshotter) return services;
    const containerd = services.engine.containerd.withNamespace(namespace, snapshotter);
    return { ...services, engine: { ...services.engine, containerd } };
  }

  /**
   * Opens all namespaces that containerd has, and returns those of which everything has been taken up; what keeps one
   * of the others from it is logged.
   */
  async openAll(): Promise<NamespaceServices[]> {
    const all = (await this.#options.containerd.namespaces.list()).map(({ name }) => this.open(name));
    const results = await Promise.allSettled(all.map((services) => services.ready()));
    return all.filter((_, index) => {
      const result = results[index];
      if (result?.status === "rejected") this.#options.onDefect(result.reason);
      return result?.status === "fulfilled";
    });
  }

  /** Settles when everything that is under way now has come to its end. */
  async settled(): Promise<void> {
    await Promise.all([...this.#open.values()].map(({ runs }) => runs.settled()));
  }

  /** Lets go of all containers, which run on. */
  async release(): Promise<void> {
    await Promise.all([...this.#open.values()].map(({ runs }) => runs.release()));
  }

  #make(namespace: string): NamespaceServices {
    const { containerd, networks, store, host, stdio, settings, onDefect } = this.#options;
    const engine: SupervisorEngine = {
      containerd: containerd.withNamespace(namespace),
      networks,
      store: store.withNamespace(namespace),
      settings: { ...settings, namespace },
      host,
    };
    const events = new EventLog();
    const waiting = new WaitingViewers();
    const execs = new ExecSessions({ engine, stdio, events });
    const names = new ContainerNames(engine);
    const runs = new ContainerRuns({
      engine,
      stdio,
      events,
      waiting,
      execs,
      leftovers: new LeftoverExecs(engine),
      names,
      bootId: this.#bootId,
      onDefect,
    });
    return { namespace, engine, stdio, events, waiting, execs, names, runs, ready: onceDone(() => runs.recover()) };
  }
}

/** Does the work once, for all callers; if it fails, again for the next one. */
function onceDone(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work().catch((error: unknown) => {
      done = undefined;
      throw error;
    });
    return done;
  };
}
