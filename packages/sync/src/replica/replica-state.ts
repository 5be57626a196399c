/**
 * What a replica does, as a pure state machine: (state, event, context) → { state, effects }.
 *
 *                 opened                    replaced, or head = what I serve
 *   connecting ───────────► syncing ─────────────────────────────────► live ──┐ update: apply
 *     ▲   ▲                   │ ▲                                       │ │ ◄──┘
 *     │   └── lost, timeout ──┘ └── gap, corrupt, diverged: resync ─────┘ │
 *     └────────────────────────────── lost, timeout ────────────────────┘
 *   any ── dispose ──► closed;  before the first state also: model or protocol that cannot be used
 *
 * The last good version is served in every state: only `applied` and `replaced` change it. The
 * shell (`following-replica.ts`) handles one event at a time and reports the result of an
 * `apply`, `replace` or `load` before the next event. SPEC.md section 5 has the invariants.
 */
import type { Manifest, Snapshot } from "../manifest.ts";
import {
  type FeedMessage,
  type Position,
  PROTOCOL_VERSION,
  type ResyncReason,
} from "../protocol/message.ts";
import { backoffMs } from "./backoff.ts";
import type {
  ReplicaEffect,
  ReplicaEvent,
  ReplicaMemory,
  ReplicaPhase,
  ReplicaState,
  Step,
  StepContext,
} from "./replica-machine.ts";
import type { StateName } from "./runtime.ts";

/** After so many refusals in a row a new connection is tried instead of another snapshot. */
export const REFUSALS_MAX = 3;

type StateOf<K extends ReplicaPhase> = Extract<ReplicaState, { readonly kind: K }>;
type EventOf<K extends ReplicaEvent["kind"]> = Extract<ReplicaEvent, { readonly kind: K }>;
type MessageOf<K extends FeedMessage["kind"]> = Extract<FeedMessage, { readonly kind: K }>;
type Connected = StateOf<"syncing"> | StateOf<"live">;
type Open = Connected | StateOf<"connecting">;

/** The first step: opens a connection. */
export function startReplica({ nowMs, limits }: StepContext): Step {
  const memory: ReplicaMemory = {
    manifest: null,
    served: null,
    reload: true,
    attempt: 0,
    updatesApplied: 0,
    snapshots: 0,
    rejected: 0,
  };
  const deadlineMs = nowMs + limits.openMs;
  return {
    state: { kind: "connecting", opening: true, deadlineMs, memory },
    effects: [{ kind: "open" }],
  };
}

/** One step. */
export function stepReplica(state: ReplicaState, event: ReplicaEvent, context: StepContext): Step {
  if (state.kind === "closed") return stay(state);
  switch (event.kind) {
    case "opened":
      return onOpened(state, context);
    case "lost":
      return retreat(state, context, []);
    case "message":
      return state.kind === "connecting" ? stay(state) : onMessage(state, event, context);
    case "malformed":
      if (state.kind === "connecting") return stay(state);
      return refuse(state, context, "corrupt");
    case "applied":
      return onApplied(state, event);
    case "replaced":
      return onReplaced(state, event, context);
    case "refused":
      return onRefused(state, event, context);
    case "wake":
      return onWake(state, context);
    case "dispose":
      return close(state, event.reason);
    default:
      return event satisfies never;
  }
}

function onOpened(state: Open, context: StepContext): Step {
  if (state.kind !== "connecting" || !state.opening) return stay(state);
  const { memory } = state;
  // A session that must be replaced has nothing to continue from.
  const have = memory.reload ? null : memory.served;
  const deadlineMs = context.nowMs + context.limits.answerMs;
  return {
    state: { kind: "syncing", refusals: 0, deadlineMs, memory },
    effects: [
      { kind: "send", message: { kind: "hello", protocolVersion: PROTOCOL_VERSION, have } },
    ],
  };
}

function onMessage(state: Connected, { message }: EventOf<"message">, context: StepContext): Step {
  const heard = hear(state, context);
  switch (message.kind) {
    case "manifest":
      return onManifest(heard, message.manifest, context);
    case "snapshot":
      return onSnapshot(heard, message.logId, message.snapshot, context);
    case "update":
      // Before the snapshot that was asked for, updates say nothing: it will be newer.
      return heard.kind === "live" ? onUpdate(heard, message, context) : stay(heard);
    case "head":
      return onHead(heard, message, context);
    case "end":
      if (message.reason === "unsupported" && heard.memory.served === null) {
        return close(heard, message.message);
      }
      return retreat(heard, context, [{ kind: "close" }]);
    default:
      return message satisfies never;
  }
}

/**
 * Any message shows that a live feed is there; an awaited answer must come in its time all the
 * same.
 */
function hear(state: Connected, { nowMs, limits }: StepContext): Connected {
  return state.kind === "live" ? { ...state, deadlineMs: nowMs + limits.silenceMs } : state;
}

function onManifest(state: Connected, manifest: Manifest, context: StepContext): Step {
  if (manifest.logId === state.memory.manifest?.logId) return stay(state);
  const memory = { ...state.memory, manifest, reload: true };
  return stay(syncing(memory, state.kind === "syncing" ? state.refusals : 0, context));
}

function onSnapshot(
  state: Connected,
  logId: string,
  snapshot: Snapshot,
  context: StepContext,
): Step {
  const { manifest, served, reload } = state.memory;
  if (manifest?.logId !== logId) return refuse(state, context, "noManifest");
  // While live nothing was asked for: an old snapshot is a duplicate, a newer one skips ahead.
  if (state.kind === "live" && served !== null && snapshot.version <= served.version) {
    return stay(state);
  }
  return {
    state,
    effects: [reload ? { kind: "load", manifest, snapshot } : { kind: "replace", logId, snapshot }],
  };
}

function onUpdate(
  state: StateOf<"live">,
  { header, bytes }: MessageOf<"update">,
  context: StepContext,
): Step {
  const version = state.memory.served?.version ?? -1;
  if (header.toVersion <= version) return stay(state);
  if (header.fromVersion !== version) return refuse(state, context, "gap");
  return { state, effects: [{ kind: "apply", bytes }] };
}

function onHead(state: Connected, head: StateName, context: StepContext): Step {
  const { served, reload } = state.memory;
  if (served === null || reload || head.version < served.version) return stay(state);
  if (head.version > served.version) {
    // The tail of the updates was lost. While syncing, the snapshot is under way.
    return state.kind === "live" ? resync(state.memory, 0, context, "gap") : stay(state);
  }
  if (head.fingerprint !== served.fingerprint) return refuse(state, context, "diverged");
  // The answer to a hello from a replica that missed nothing: the feed learns where it is.
  const effects = state.kind === "syncing" ? acknowledge(state, served) : [];
  return { state: live(state.memory, context), effects };
}

function onApplied(state: Open, { name }: EventOf<"applied">): Step {
  const { memory } = state;
  if (memory.served === null) return stay(state);
  const served: Position = { logId: memory.served.logId, ...name };
  const next = { ...memory, served, updatesApplied: memory.updatesApplied + 1 };
  return { state: { ...state, memory: next }, effects: acknowledge(state, name) };
}

function onReplaced(state: Open, { position }: EventOf<"replaced">, context: StepContext): Step {
  const { memory } = state;
  const next = { ...memory, served: position, reload: false, snapshots: memory.snapshots + 1 };
  const after = state.kind === "connecting" ? { ...state, memory: next } : live(next, context);
  return { state: after, effects: acknowledge(state, position) };
}

function onRefused(state: Open, { fault }: EventOf<"refused">, context: StepContext): Step {
  // A model that cannot even be loaded will not load the next time either.
  if (fault === "broken" && state.memory.served === null) {
    return close(state, "the model cannot be loaded");
  }
  const memory = { ...state.memory, reload: state.memory.reload || fault === "broken" };
  return refuse({ ...state, memory }, context, "diverged");
}

function onWake(state: Open, context: StepContext): Step {
  if (context.nowMs < state.deadlineMs) return stay(state);
  if (state.kind !== "connecting" || state.opening) {
    return retreat(state, context, [{ kind: "close" }]);
  }
  const deadlineMs = context.nowMs + context.limits.openMs;
  return { state: { ...state, opening: true, deadlineMs }, effects: [{ kind: "open" }] };
}

/** Counts a rejection and asks for a snapshot; after too many, for a new connection. */
function refuse(state: Open, context: StepContext, reason: ResyncReason): Step {
  const memory = { ...state.memory, rejected: state.memory.rejected + 1 };
  if (state.kind === "connecting") return stay({ ...state, memory });
  const refusals = state.kind === "syncing" ? state.refusals + 1 : 1;
  if (refusals > REFUSALS_MAX) {
    return retreat({ ...state, memory }, context, [{ kind: "close" }]);
  }
  return resync(memory, refusals, context, reason);
}

function resync(
  memory: ReplicaMemory,
  refusals: number,
  context: StepContext,
  reason: ResyncReason,
): Step {
  const missing = memory.manifest === null ? "noManifest" : reason;
  return {
    state: syncing(memory, refusals, context),
    effects: [{ kind: "send", message: { kind: "resync", reason: missing } }],
  };
}

/** Waits before the next attempt to connect. */
function retreat(
  state: Open,
  { nowMs, jitter, limits }: StepContext,
  effects: readonly ReplicaEffect[],
): Step {
  // Waiting already: what is lost is the connection that was given up.
  if (state.kind === "connecting" && !state.opening) return stay(state);
  const { attempt } = state.memory;
  const deadlineMs = nowMs + backoffMs(attempt, jitter, limits.backoff);
  const memory = { ...state.memory, attempt: attempt + 1 };
  return { state: { kind: "connecting", opening: false, deadlineMs, memory }, effects };
}

function close(state: Open, reason: string): Step {
  return {
    state: { kind: "closed", reason, memory: state.memory },
    effects: [{ kind: "close" }],
  };
}

function live(memory: ReplicaMemory, { nowMs, limits }: StepContext): StateOf<"live"> {
  return {
    kind: "live",
    deadlineMs: nowMs + limits.silenceMs,
    memory: { ...memory, attempt: 0 },
  };
}

function syncing(
  memory: ReplicaMemory,
  refusals: number,
  { nowMs, limits }: StepContext,
): StateOf<"syncing"> {
  return { kind: "syncing", refusals, deadlineMs: nowMs + limits.answerMs, memory };
}

function acknowledge(state: ReplicaState, { version, fingerprint }: StateName): ReplicaEffect[] {
  if (state.kind === "connecting") return [];
  return [{ kind: "send", message: { kind: "ack", version, fingerprint } }];
}

function stay(state: ReplicaState): Step {
  return { state, effects: [] };
}
