import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../errors.ts";
import type { EndpointState, PublishedPort } from "../model/container-record.ts";
import { asObject, type JsonObject } from "../model/json-object.ts";
import { endpointOf } from "./cni-result.ts";
import { type Conflist, describeNetwork, type PluginConfig } from "./conflist.ts";
import type { EndpointRequest } from "./endpoint-request.ts";
import { configureNetns, exists } from "./netns.ts";
import type { Network } from "./network.ts";
import { type PluginCall, runPlugin } from "./plugin.ts";
import { removePluginLeftovers } from "./plugin-leftovers.ts";

/** What DEL has to be told of the ADD before it, as CNI runtimes keep it. */
interface CachedAttachment {
  readonly result: JsonObject;
  readonly interfaceName: string;
  readonly ports: readonly PublishedPort[];
}

/**
 * A network of somebody else's, such as one made by nerdctl: its whole list of CNI plugins is run, as its author
 * wrote it. What ADD answered is kept on a tmpfs for DEL.
 */
export class PluginNetwork {
  readonly network: Network;

  constructor(
    private readonly conflist: Conflist,
    private readonly runRoot: string,
    private readonly cniPath: readonly string[],
  ) {
    this.network = describeNetwork(conflist);
  }

  /**
   * Runs ADD of every plugin. A failed ADD is followed by DEL, as the specification asks, and tried once more: an
   * address plugin refuses a container whose address a crash or a reboot left allocated.
   */
  async attach(request: EndpointRequest, signal?: AbortSignal): Promise<EndpointState> {
    const { containerId, netnsPath, interfaceName = "eth0" } = request;
    await this.detach({ containerId, netnsPath, onlyIfCached: true });
    await configureNetns(netnsPath, ["link set lo up"]);
    let result: JsonObject;
    try {
      result = await this.#add(request, signal);
    } catch (error) {
      await this.#undo(request);
      if (signal?.aborted === true || !(error instanceof EngineError) || error.code !== "internal") throw error;
      try {
        result = await this.#add(request, signal);
      } catch (again) {
        await this.#undo(request);
        throw again;
      }
    }
    await this.#remember(containerId, { result, interfaceName, ports: request.ports });
    return endpointOf(this.network, result, interfaceName);
  }

  /** What a container was given on this network, or undefined if it is not on it. */
  async recall(
    containerId: string,
  ): Promise<{ readonly endpoint: EndpointState; readonly ports: readonly PublishedPort[] } | undefined> {
    const cached = await this.#recall(containerId);
    if (cached === undefined) return undefined;
    return { endpoint: endpointOf(this.network, cached.result, cached.interfaceName), ports: cached.ports };
  }

  /** Runs DEL of every plugin, last first. Works without the network namespace, and for a container that is not on it. */
  async detach(request: {
    readonly containerId: string;
    readonly netnsPath: string;
    readonly onlyIfCached?: boolean;
  }): Promise<void> {
    const { containerId } = request;
    const cached = await this.#recall(containerId);
    if (cached === undefined && request.onlyIfCached === true) return;
    const netnsPath = (await exists(request.netnsPath)) ? request.netnsPath : "";
    const { result, interfaceName = "eth0", ports = [] } = cached ?? {};
    await this.#delete({ containerId, netnsPath, interfaceName, ports }, result);
    await rm(this.#cachePath(containerId), { force: true });
  }

  async #add(request: EndpointRequest, signal: AbortSignal | undefined): Promise<JsonObject> {
    let result: JsonObject = {};
    for (const [index, plugin] of this.conflist.plugins.entries()) {
      const config = this.#config(plugin, request, index === 0 ? undefined : result);
      result = await runPlugin(this.cniPath, config, this.#call("ADD", request), signal);
    }
    return result;
  }

  async #delete(request: Omit<EndpointRequest, "network">, result: JsonObject | undefined): Promise<void> {
    for (const plugin of this.conflist.plugins.toReversed()) {
      await runPlugin(this.cniPath, this.#config(plugin, request, result), this.#call("DEL", request));
    }
    await removePluginLeftovers(this.network.name, request.containerId);
  }

  /** DEL after a failed ADD. The failure of ADD is what the caller wants to hear of, not that of its undoing. */
  async #undo(request: EndpointRequest): Promise<void> {
    await this.#delete(request, undefined).catch(() => undefined);
  }

  #call(command: PluginCall["command"], request: Omit<EndpointRequest, "network">): PluginCall {
    const { containerId, netnsPath, interfaceName = "eth0", ipAddress, macAddress } = request;
    return {
      command,
      containerId,
      netnsPath,
      interfaceName,
      args: {
        IgnoreUnknown: "1",
        ...(ipAddress === undefined ? {} : { IP: ipAddress }),
        ...(macAddress === undefined ? {} : { MAC: macAddress }),
      },
    };
  }

  /** The plugin's part of the list, with the name, the result so far, and the runtime's settings that it can use. */
  #config(plugin: PluginConfig, request: Omit<EndpointRequest, "network">, prevResult: JsonObject | undefined) {
    const { cniVersion, name } = this.conflist;
    const available: JsonObject = {
      ...(request.ports.length === 0 ? {} : { portMappings: request.ports.map(portMapping) }),
      ...(request.ipAddress === undefined ? {} : { ips: [request.ipAddress] }),
      ...(request.macAddress === undefined ? {} : { mac: request.macAddress }),
    };
    const capabilities = asObject(plugin.capabilities);
    const runtimeConfig = Object.fromEntries(Object.entries(available).filter(([key]) => capabilities[key] === true));
    return {
      ...plugin,
      cniVersion,
      name,
      ...(Object.keys(runtimeConfig).length === 0 ? {} : { runtimeConfig }),
      ...(prevResult === undefined ? {} : { prevResult }),
    };
  }

  #cachePath(containerId: string): string {
    return join(this.runRoot, "cni", this.network.name, containerId);
  }

  async #remember(containerId: string, attachment: CachedAttachment): Promise<void> {
    await mkdir(join(this.runRoot, "cni", this.network.name), { recursive: true, mode: 0o700 });
    await writeFile(this.#cachePath(containerId), JSON.stringify(attachment), { mode: 0o600 });
  }

  async #recall(containerId: string): Promise<CachedAttachment | undefined> {
    try {
      return JSON.parse(await readFile(this.#cachePath(containerId), "utf8")) as CachedAttachment;
    } catch {
      return undefined;
    }
  }
}

function portMapping({ protocol, hostIp, hostPort, containerPort }: PublishedPort): JsonObject {
  return { protocol, hostPort, containerPort, ...(hostIp === "0.0.0.0" ? {} : { hostIP: hostIp }) };
}
