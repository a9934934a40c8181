import type { UserDatabase } from "../model/user-spec.ts";
import type { Rootfs } from "./rootfs.ts";

/** Reads a root file system's own users and groups. */
export async function readUserDatabase(rootfs: Rootfs): Promise<UserDatabase> {
  const [passwd = "", group = ""] = [await rootfs.readText("/etc/passwd"), await rootfs.readText("/etc/group")];
  return { passwd, group };
}
