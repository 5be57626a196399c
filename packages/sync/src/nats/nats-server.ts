import {
  type ConnectionOptions,
  credsAuthenticator,
  type NatsConnection,
  wsconnect,
} from "@nats-io/nats-core";

import { inTurn } from "./carrier-turn.ts";

/** Opens a connection to one server; `wsconnect` of @nats-io/nats-core is one. */
export type NatsConnect = (options: ConnectionOptions) => Promise<NatsConnection>;

/** Where a NATS server is, and who asks. */
export interface NatsServer {
  /**
   * Addresses of one server or of several of a cluster, tried in this order, such as
   * `wss://nats.example.org:443`; over TCP (with `connectNats` of @everfresh/sync/nats/node) also
   * `nats://nats.example.org:4222` and `tls://...`. They may say who asks, as
   * `nats://user:password@...` or `nats://token@...`.
   */
  readonly servers: string | readonly string[];
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
  /** Content of a credentials file: a JWT and the seed of its key, as `nsc` writes them. */
  readonly credentials?: string | Uint8Array;
  /**
   * Everything else that the library takes: `authenticator`, `tls`, `inboxPrefix`. Reconnecting is
   * ours, so what concerns it has no effect.
   */
  readonly options?: ConnectionOptions;
  /** @default WebSockets only, by the runtime's own */
  readonly connect?: NatsConnect;
}

/** How long a server may take to answer a new connection. Milliseconds: a bad mobile network. */
const CONNECT_MS_MAX = 8_000;

/** Time between two signs of life, of which two may stay away: a dead line is found in 30 s. */
const PING_MS = 10_000;

/** A scheme, and who asks there. */
const WHO = /^([a-z]+:\/\/)([^/@]*)@/;

/** The addresses, for messages; without what may be secret. */
export function addressOf(servers: NatsServer["servers"]): string {
  return listOf(servers)
    .map((server) => server.replace(WHO, "$1"))
    .join(",");
}

/**
 * Connects to the first of the servers that answers. The connection never comes back by itself once
 * it is lost: whoever asked for it knows better what to do then.
 */
export async function connectTo(server: NatsServer): Promise<NatsConnection> {
  const connect = server.connect ?? wsconnect;
  let last: unknown = new Error("no servers were named");
  for (const address of listOf(server.servers)) {
    try {
      return await inTurn(() => connect(optionsFor(server, address)));
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

function optionsFor(server: NatsServer, address: string): ConnectionOptions {
  const { user, pass, token, credentials, options = {} } = server;
  const bytes =
    typeof credentials === "string" ? new TextEncoder().encode(credentials) : credentials;
  return {
    timeout: CONNECT_MS_MAX,
    pingInterval: PING_MS,
    name: "everfresh",
    ...whoOf(address),
    ...(user === undefined ? {} : { user }),
    ...(pass === undefined ? {} : { pass }),
    ...(token === undefined ? {} : { token }),
    ...(bytes === undefined ? {} : { authenticator: credsAuthenticator(bytes) }),
    ...options,
    servers: [addressOf(address)],
    reconnect: false,
    maxReconnectAttempts: 0,
    ignoreClusterUpdates: true,
    // Looked up by the carrier itself: see carrier-turn.ts.
    resolve: false,
  };
}

function whoOf(address: string): Pick<ConnectionOptions, "user" | "pass" | "token"> {
  const [user = "", pass] = (WHO.exec(address)?.[2] ?? "").split(":").map(decodeURIComponent);
  if (user === "") return {};
  return pass === undefined ? { token: user } : { user, pass };
}

function listOf(servers: NatsServer["servers"]): readonly string[] {
  return typeof servers === "string" ? [servers] : servers;
}
