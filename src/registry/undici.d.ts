/**
 * undici's parts that the transport loads one by one: its entry point also loads fetch, web sockets, caches and mocks,
 * which costs every `pull` 80 ms.
 */
declare module "undici/lib/dispatcher/agent.js" {
  import { Agent } from "undici";
  export default Agent;
}

declare module "undici/lib/core/connect.js" {
  import { buildConnector } from "undici";
  export default buildConnector;
}
