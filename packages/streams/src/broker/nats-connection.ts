import { JetStreamApiCodes, JetStreamApiError, JetStreamError } from "@nats-io/jetstream";
import { credsAuthenticator, errors } from "@nats-io/nats-core";
import {
  connect,
  type ConnectionOptions,
  type NatsConnection,
  wsconnect,
} from "@nats-io/transport-node";
import { BrokerError, type BrokerFault } from "../errors.ts";

/** Which messages of which NATS server. */
export interface NatsStreamOptions {
  /**
   * One server, or several of a cluster, tried in this order: `nats://host:4222` and `tls://...` by
   * TCP, `ws://...` and `wss://...` by WebSocket. They may say who asks, as `nats://user:password@...`.
   */
  readonly servers: string | readonly string[];
  /** The stream, which has to be there. */
  readonly stream: string;
  /** Only messages of this subject, which may have wildcards. @default all messages */
  readonly subject?: string;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
  /** Content of a credentials file: a JWT and the seed of its key, as `nsc` writes them. */
  readonly credentials?: string | Uint8Array;
}

/** How long a server may take to answer a new connection. Milliseconds: a bad network. */
const CONNECT_MS_MAX = 8_000;

/** Time between two signs of life, of which two may stay away: a dead line is found in 30 s. */
const PING_MS = 10_000;

/** A scheme, and who asks there. */
const WHO = /^([a-z]+:\/\/)([^/@]*)@/;

/** What `asking` gives; rejects as soon as the connection is gone, which the library may not. */
export function unlessClosed<T>(connection: NatsConnection, asking: Promise<T>): Promise<T> {
  asking.catch(() => undefined);
  const closed = connection.closed().then((error) => {
    throw error ?? new errors.ClosedConnectionError();
  });
  return Promise.race([asking, closed]);
}

/** Connects to the first of the servers that answers. */
export async function connectTo(options: NatsStreamOptions): Promise<NatsConnection> {
  const { servers } = options;
  let last: unknown = new Error("no servers were named");
  for (const address of typeof servers === "string" ? [servers] : servers) {
    try {
      const settings = settingsFor(options, address);
      return await (/^wss?:/.test(address) ? wsconnect(settings) : connect(settings));
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

function settingsFor(
  { user, password, token, credentials }: NatsStreamOptions,
  address: string,
): ConnectionOptions {
  const [who = "", pass] = (WHO.exec(address)?.[2] ?? "").split(":").map(decodeURIComponent);
  const bytes =
    typeof credentials === "string" ? new TextEncoder().encode(credentials) : credentials;
  return {
    servers: [address.replace(WHO, "$1")],
    name: "everfresh",
    timeout: CONNECT_MS_MAX,
    pingInterval: PING_MS,
    // Whoever reads knows better what to do when it is lost.
    reconnect: false,
    ...(who === "" ? {} : pass === undefined ? { token: who } : { user: who, pass }),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: password }),
    ...(token === undefined ? {} : { token }),
    ...(bytes === undefined ? {} : { authenticator: credsAuthenticator(bytes) }),
    ...(address.startsWith("tls:") ? { tls: {} } : {}),
  };
}

/** Server and stream, for messages; without what may be secret. */
export function addressOf({ servers, stream }: NatsStreamOptions): string {
  const list = typeof servers === "string" ? [servers] : servers;
  return `${list.map((server) => server.replace(WHO, "$1")).join(",")}/${stream}`;
}

/** What went wrong on the way to a stream, as an error of ours. */
export function brokerErrorOf(options: NatsStreamOptions, error: unknown): BrokerError {
  if (error instanceof BrokerError) return error;
  const { fault, reason } = faultOf(error);
  return new BrokerError(addressOf(options), fault, reason, error);
}

function faultOf(error: unknown): { readonly fault: BrokerFault; readonly reason: string } {
  const message = error instanceof Error ? error.message : String(error);
  const because = (error as { readonly cause?: unknown } | null)?.cause;
  if (error instanceof errors.RequestError && because instanceof Error) return faultOf(because);
  if (error instanceof JetStreamApiError) {
    const isAbsent = error.code === JetStreamApiCodes.StreamNotFound;
    const reason = `JetStream: ${message} (${error.code})`;
    if (error.code === JetStreamApiCodes.ConsumerNotFound) return { fault: "unreachable", reason };
    return { fault: isAbsent ? "missing" : "failed", reason };
  }
  if (error instanceof errors.NoRespondersError) {
    return { fault: "failed", reason: "JetStream does not answer there; start it with JetStream" };
  }
  if ([error, because].some(isRefusal)) return { fault: "unauthorized", reason: message };
  if (error instanceof errors.TimeoutError) {
    return { fault: "unreachable", reason: "no answer in time" };
  }
  const isLost =
    error instanceof errors.ConnectionError ||
    error instanceof errors.ClosedConnectionError ||
    /connection closed|ECONN|EPIPE|consumer deleted|consumer not found/i.test(message);
  if (isLost) return { fault: "unreachable", reason: message || "no server answers there" };
  if (/stream not found/i.test(message)) return { fault: "missing", reason: message };
  return {
    fault: "failed",
    reason: error instanceof JetStreamError ? `JetStream: ${message}` : message,
  };
}

function isRefusal(error: unknown): boolean {
  return (
    error instanceof errors.AuthorizationError ||
    error instanceof errors.UserAuthenticationExpiredError ||
    error instanceof errors.PermissionViolationError
  );
}
