import type { Finder, Finding } from "./finding.ts";

/** Firewall rules that lead to containers which do not have the port, and rules that a bridge in use lacks. */
export const findRules: Finder = async ({ engine: { networks } }) => {
  const findings: Finding[] = [];
  for (const bridge of await networks.bridges()) {
    for (const rule of await bridge.strayRules()) {
      findings.push({
        kind: "rule",
        object: `-t ${rule.table} -A ${rule.chain} ${rule.match}`,
        why: "no container has that address and publishes that port",
        remedy: "remove it",
        mend: () => bridge.dropRules([rule]),
      });
    }
    if ((await bridge.leases.list()).length === 0 || !(await bridge.isOwn())) continue;
    const { missing, forwardPolicy } = await bridge.missingRules();
    if (missing.length === 0) continue;
    const { name, bridge: device } = bridge.network;
    const closed = missing.some(({ table }) => table === "filter") && forwardPolicy === "DROP";
    findings.push({
      kind: "firewall",
      object: `network ${name} (${device})`,
      why: closed
        ? `the policy of FORWARD is DROP and ${missing.length} of wharf's rules are missing: containers reach nobody`
        : `${missing.length} of wharf's rules are missing, as after a reload of the firewall`,
      remedy: "add them again",
      mend: () => networks.restoreRules(bridge),
    });
  }
  return findings;
};
