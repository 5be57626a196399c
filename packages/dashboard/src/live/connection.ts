/**
 * What the page knows, as a pure machine; `watch.ts` feeds it.
 *
 *   connecting ──status──► live ──lost──► lost ──status──► live
 *        └───────────────lost─────────────►┘
 *
 * The last status stays when the link is lost: old figures, marked as such, are better than none.
 */
import type { DriftView, ModelStatus } from "../status.ts";

/** Why no status arrives: no answer, an answer that cannot be read, or no model to watch. */
export type LossReason = "unreachable" | "unreadable" | "noModel";

/** The state of the line to the server. */
export type Link =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  | { readonly kind: "lost"; readonly reason: LossReason };

/** The newest status and when it arrived, in milliseconds since the epoch. */
interface Received {
  readonly status: ModelStatus;
  readonly atMs: number;
}

/** Everything the page is drawn from. */
export interface Connection {
  readonly link: Link;
  readonly models: readonly string[];
  readonly received: Received | null;
  /** What is seen of drift; null where nobody watches. */
  readonly drift: DriftView | null;
}

/** What can happen to a connection. */
export type ConnectionEvent =
  | { readonly kind: "models"; readonly names: readonly string[] }
  | { readonly kind: "status"; readonly status: ModelStatus; readonly atMs: number }
  | { readonly kind: "drift"; readonly drift: DriftView }
  | { readonly kind: "lost"; readonly reason: LossReason }
  | { readonly kind: "restarted" };

/** Before anything has arrived. */
export const initialConnection: Connection = {
  link: { kind: "connecting" },
  models: [],
  received: null,
  drift: null,
};

/** The connection after an event. */
export function afterEvent(connection: Connection, event: ConnectionEvent): Connection {
  switch (event.kind) {
    case "models":
      return { ...connection, models: event.names };
    case "status":
      return {
        ...connection,
        link: { kind: "live" },
        received: { status: event.status, atMs: event.atMs },
      };
    case "drift":
      return { ...connection, drift: event.drift };
    case "lost":
      return { ...connection, link: { kind: "lost", reason: event.reason } };
    case "restarted":
      return { ...initialConnection, models: connection.models };
  }
}

/** The word on the pill beside the model's name. */
export type PagePhase = "connecting" | "training" | "finished" | "reconnecting";

/** The phase shown; a trainer that finished and left stays finished. */
export function pagePhase(connection: Connection): PagePhase {
  const phase = connection.received?.status.phase ?? null;
  if (phase === "finished") return "finished";
  if (connection.link.kind === "lost") return "reconnecting";
  return phase ?? "connecting";
}

/** Whether the figures on the page may be out of date. */
export function isStale(connection: Connection): boolean {
  return connection.link.kind === "lost" && connection.received !== null;
}
