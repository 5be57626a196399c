import { JetStreamApiError, JetStreamError } from "@nats-io/jetstream";
import { errors } from "@nats-io/nats-core";

import { NatsError, type NatsFault, TransportError } from "../errors.ts";

/** JetStream's own error codes (nats-server, `server/errors.json`) that mean a bound was reached. */
const LIMIT_CODES: ReadonlySet<number> = new Set([
  10002, // resource limits exceeded for account
  10023, // insufficient resources
  10026, // maximum consumers limit reached
  10027, // maximum number of streams reached
  10028, // insufficient memory resources available
  10047, // insufficient storage resources available
  10054, // message size exceeds maximum allowed
  10077, // a stream is full and refuses what is new
  10120, // account requires a stream config to have max bytes set
  10122, // stream max bytes exceeds account limit max stream bytes
]);

/** JetStream's codes for a server or an account without it. */
const DISABLED_CODES: ReadonlySet<number> = new Set([10035, 10039, 10076]);

/**
 * What went wrong on the way to the server at `address`, as an error of ours.
 * @param otherwise what it is unless it says itself
 */
export function natsErrorOf(
  error: unknown,
  address: string,
  otherwise: NatsFault = "failed",
): TransportError {
  if (error instanceof TransportError) return error;
  const { fault, reason } = faultOf(error);
  return new NatsError(address, fault === "failed" ? otherwise : fault, reason, error);
}

interface Fault {
  readonly fault: NatsFault;
  readonly reason: string;
}

function faultOf(error: unknown): Fault {
  const message = error instanceof Error ? error.message : String(error);
  const because = (error as { readonly cause?: unknown } | null)?.cause;
  if (error instanceof errors.RequestError && because instanceof Error) {
    return faultOf(because);
  }
  if (error instanceof JetStreamApiError) return apiFault(error.code, message);
  if (error instanceof errors.NoRespondersError) {
    return { fault: "noJetStream", reason: "JetStream does not answer there" };
  }
  if (isRefusal(error) || isRefusal(because)) {
    return { fault: "unauthorized", reason: `the server refuses it: ${message}` };
  }
  if (error instanceof errors.TimeoutError) {
    return { fault: "unreachable", reason: "no answer in time" };
  }
  if (error instanceof errors.ConnectionError) {
    return { fault: "unreachable", reason: message === "" ? "no server answers there" : message };
  }
  if (error instanceof errors.ClosedConnectionError || /connection closed/.test(message)) {
    return { fault: "unreachable", reason: "the connection was lost" };
  }
  // Its class is not exported; the message is JetStream's own.
  if (/jetstream.*not enabled/i.test(message)) return { fault: "noJetStream", reason: message };
  const isJetStream = error instanceof JetStreamError;
  return { fault: "failed", reason: isJetStream ? `JetStream: ${message}` : message };
}

function isRefusal(error: unknown): boolean {
  return (
    error instanceof errors.AuthorizationError ||
    error instanceof errors.UserAuthenticationExpiredError ||
    error instanceof errors.PermissionViolationError
  );
}

function apiFault(code: number, message: string): Fault {
  const reason = `JetStream: ${message} (${code})`;
  if (LIMIT_CODES.has(code)) return { fault: "limits", reason };
  if (DISABLED_CODES.has(code)) return { fault: "noJetStream", reason };
  return { fault: "failed", reason };
}
