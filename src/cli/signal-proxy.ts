import type { EngineApi } from "../api/client.ts";

/**
 * Every signal that Node lets a process catch, but those that are about ourselves: SIGCHLD, SIGPIPE, SIGURG, the size of
 * our own terminal, and what a defect of this process raises.
 */
const PROXIED: readonly NodeJS.Signals[] = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGTRAP",
  "SIGABRT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGTERM",
  "SIGSTKFLT",
  "SIGCONT",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGXCPU",
  "SIGXFSZ",
  "SIGVTALRM",
  "SIGIO",
  "SIGPWR",
  "SIGSYS",
];

/** Hands the signals that this process receives on to a container. Those that come before it runs are kept until then. */
export class SignalProxy implements Disposable {
  readonly #api: EngineApi;
  readonly #containerId: string;
  readonly #early: NodeJS.Signals[] = [];
  #started = false;
  readonly #receive = (signal: NodeJS.Signals) => {
    if (this.#started) this.#send(signal);
    else this.#early.push(signal);
  };

  constructor(api: EngineApi, containerId: string) {
    this.#api = api;
    this.#containerId = containerId;
    for (const signal of PROXIED) process.on(signal, this.#receive);
  }

  /** The container runs: it can be sent signals. */
  started(): void {
    this.#started = true;
    for (const signal of this.#early.splice(0)) this.#send(signal);
  }

  [Symbol.dispose](): void {
    for (const signal of PROXIED) process.off(signal, this.#receive);
  }

  #send(signal: NodeJS.Signals): void {
    // A container that has just ended needs no signal.
    this.#api.request("POST", `/containers/${this.#containerId}/kill`, { query: { signal } }).catch(() => undefined);
  }
}
