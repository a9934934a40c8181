/** A mount in the words of mount(2), as snapshotters answer them. */
export interface Mount {
  readonly type: string;
  readonly source: string;
  /** A path below the mount point of the whole; `""` is the mount point itself. */
  readonly target: string;
  readonly options: readonly string[];
}

/**
 * Mounts that show what an active snapshot holds without writing to it: its upper directory as one more lower one. Two
 * overlays over one upper directory, as a container that runs has it already, are nothing that Linux vouches for.
 */
export function asLayers(mounts: readonly Mount[]): Mount[] {
  return mounts.map((mount) => {
    if (mount.type !== "overlay")
      return { ...mount, options: [...mount.options.filter((option) => option !== "rw"), "ro"] };
    const value = (name: string) =>
      mount.options.find((option) => option.startsWith(`${name}=`))?.slice(name.length + 1);
    const upper = value("upperdir");
    if (upper === undefined) return mount;
    const others = mount.options.filter((option) => !/^(?:lowerdir|upperdir|workdir)=|^rw$/.test(option));
    return { ...mount, options: [...others, `lowerdir=${upper}:${value("lowerdir") ?? ""}`] };
  });
}
