/** A containerd of wharf's own: everything it keeps lies in these places and nowhere else. */
export interface StandaloneLayout {
  /** Images, snapshots, configuration and log. */
  readonly root: string;
  /** Socket, pid file, state of running shims. */
  readonly state: string;
  readonly socket: string;
}

/** Lays out the standalone containerd under wharf's roots, before these are divided by address. */
export function standaloneLayout(roots: { readonly dataRoot: string; readonly runRoot: string }): StandaloneLayout {
  const state = `${roots.runRoot}/containerd`;
  return { root: `${roots.dataRoot}/containerd`, state, socket: `${state}/containerd.sock` };
}
