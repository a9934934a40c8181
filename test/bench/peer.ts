import type { Command } from "./measure.ts";

export type PeerName = "wharf" | "ctr" | "docker" | "nerdctl";

/** A command line that does what wharf does, and how it is asked. */
export interface Peer {
  readonly name: PeerName;
  readonly version: string;
  readonly program: string;
  readonly env: NodeJS.ProcessEnv;
  /** Put before every command. */
  readonly globalArgs: readonly string[];
  /** What stays between commands: the supervisor, dockerd. 0 where nothing does. */
  readonly enginePid: () => Promise<number>;
  readonly containerdPid: number;
}

export function command(peer: Peer, ...args: string[]): Command {
  return { program: peer.program, args: [...peer.globalArgs, ...args], env: peer.env };
}
