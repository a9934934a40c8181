import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { PortClaims, type PortRequest } from "../../src/cni/port-claims.ts";

function request(first?: number, more: Partial<PortRequest> & { last?: number } = {}): PortRequest {
  const { last = first, ...rest } = more;
  const hostPorts = first === undefined || last === undefined ? undefined : { first, last };
  return { protocol: "tcp", containerPort: 80, hostIp: "", hostPorts, ...rest };
}

describe("claiming ports", () => {
  it("refuses a port that another container has, unless their addresses differ", async () => {
    const ports = new PortClaims();
    const claimed = await ports.claim([
      request(9000),
      request(9001, { hostIp: "127.0.0.1" }),
      request(9002, { protocol: "udp" }),
    ]);

    const taken = { code: "conflict", message: "Bind for 0.0.0.0:9000 failed: port is already allocated" };
    await expect(ports.claim([request(9000)])).rejects.toMatchObject(taken);
    await expect(ports.claim([request(9000, { hostIp: "127.0.0.1" })])).rejects.toMatchObject({ code: "conflict" });
    await expect(ports.claim([request(9001)])).rejects.toMatchObject({ code: "conflict" });
    const others = await ports.claim([
      request(9000, { protocol: "udp" }),
      request(9001, { hostIp: "127.0.0.2" }),
      request(9002),
    ]);

    await ports.release([...claimed, ...others]);
  });

  it("refuses a port that a program of the host has, over TCP and UDP", async () => {
    const server = createServer().listen(9010, "0.0.0.0");
    await once(server, "listening");
    const socket = createSocket("udp4").bind(9011, "127.0.0.1");
    await once(socket, "listening");
    const ports = new PortClaims();

    await expect(ports.claim([request(9010)])).rejects.toMatchObject({
      code: "conflict",
      message: "failed to bind host port 0.0.0.0:9010/tcp: address already in use",
    });
    await expect(ports.claim([request(9011, { protocol: "udp" })])).rejects.toMatchObject({
      message: "failed to bind host port 0.0.0.0:9011/udp: address already in use",
    });
    const others = await ports.claim([request(9010, { protocol: "udp" }), request(9011)]);

    await ports.release(others);
    server.close();
    socket.close();
  });

  it("keeps its ports from the programs of the host until they are released", async () => {
    const ports = new PortClaims();
    const claimed = await ports.claim([request(9020)]);

    const intruder = createServer().listen(9020);
    const [error] = await once(intruder, "error");
    expect(error).toMatchObject({ code: "EADDRINUSE" });

    await ports.release(claimed);
    const successor = createServer().listen(9020);
    await once(successor, "listening");
    successor.close();
  });

  it("refuses an address that the host does not have, and IPv6 ones", async () => {
    const ports = new PortClaims();

    await expect(ports.claim([request(9030, { hostIp: "192.0.2.77" })])).rejects.toMatchObject({
      code: "invalid-argument",
      message: "failed to bind host port 192.0.2.77:9030/tcp: cannot assign requested address",
    });
    await expect(ports.claim([request(9030, { hostIp: "::1" })])).rejects.toMatchObject({
      code: "invalid-argument",
      message: "cannot publish on ::1: the network has no IPv6 addresses",
    });
  });

  it("claims all or none", async () => {
    const ports = new PortClaims();
    const held = await ports.claim([request(9041)]);

    await expect(ports.claim([request(9040), request(9041)])).rejects.toMatchObject({ code: "conflict" });

    await ports.release([...(await ports.claim([request(9040)])), ...held]);
  });

  it("gives random ports of the host's ephemeral range, each once, also to those who ask together", async () => {
    const range = await readFile("/proc/sys/net/ipv4/ip_local_port_range", "utf8");
    const [first = 0, last = 0] = range.trim().split(/\s+/).map(Number);
    const ports = new PortClaims();

    const claimed = (await Promise.all(Array.from({ length: 20 }, () => ports.claim([request()])))).flat();

    const numbers = claimed.map(({ hostPort }) => hostPort);
    expect(new Set(numbers).size).toBe(20);
    expect(numbers.every((port) => port >= first && port <= last)).toBe(true);
    await ports.release(claimed);
  });

  it("gives those that name a port theirs before those that take any", async () => {
    const ports = new PortClaims();
    const [random] = await ports.claim([request()]);
    const next = (random?.hostPort ?? 0) + 1;

    const claimed = await ports.claim([request(), request(next)]);

    expect(claimed.map(({ hostPort }) => hostPort)).toEqual([next + 1, next]);
    await ports.release([...claimed, ...(random === undefined ? [] : [random])]);
  });

  it("passes over what is taken when it may choose", async () => {
    const server = createServer().listen(9050, "0.0.0.0");
    await once(server, "listening");
    const ports = new PortClaims();
    const range = request(9050, { last: 9052 });

    const claimed = await ports.claim([range, range]);

    expect(claimed.map(({ hostPort }) => hostPort)).toEqual([9051, 9052]);
    await expect(ports.claim([range])).rejects.toMatchObject({
      code: "resource-exhausted",
      message: "all ports are allocated",
    });
    await ports.release(claimed);
    server.close();
  });

  it("waits for a port that is being withdrawn", async () => {
    const ports = new PortClaims();
    const first = await ports.claim([request(9060)]);
    let withdraw = () => {};
    const withdrawn = new Promise<void>((resolve) => {
      withdraw = resolve;
    });
    const released = ports.release(first, withdrawn);

    let settled = false;
    const second = ports.claim([request(9060)]).finally(() => {
      settled = true;
    });
    await ports.release(await ports.claim([request(9061)]));
    expect(settled).toBe(false);

    withdraw();
    await released;
    expect(await second).toEqual(first);
    await ports.release(first);
  });

  it("takes over the ports of containers that run", async () => {
    const ports = new PortClaims();
    await ports.adopt([{ protocol: "tcp", hostIp: "0.0.0.0", hostPort: 9070, containerPort: 80 }]);

    await expect(ports.claim([request(9070)])).rejects.toMatchObject({ code: "conflict" });
    await ports.release([{ protocol: "tcp", hostIp: "0.0.0.0", hostPort: 9070, containerPort: 80 }]);
  });
});
