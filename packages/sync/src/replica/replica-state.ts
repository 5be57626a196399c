/**
 * What a replica does, as a pure state machine: (state, event, context) → { state, effects }.
 *
 *                 opened       replaced, applied, or head = what I serve
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
import { type FeedMessage, type Position, PROTOCOL_VERSION } from "../protocol/message.ts";
import type {
  ReplicaEvent,
  ReplicaMemory,
  ReplicaState,
  RestoredReplica,
  Step,
  StepContext,
} from "./replica-machine.ts";
import {
  acknowledge,
  close,
  type Connected,
  foundationOf,
  live,
  type Open,
  refuse,
  resync,
  retreat,
  type StateOf,
  stay,
  syncing,
} from "./replica-moves.ts";

type EventOf<K extends ReplicaEvent["kind"]> = Extract<ReplicaEvent, { readonly kind: K }>;
type MessageOf<K extends FeedMessage["kind"]> = Extract<FeedMessage, { readonly kind: K }>;

/** The first step: opens a connection, with what is served already, if anything. */
export function startReplica(
  { nowMs, limits }: StepContext,
  restored: RestoredReplica | null = null,
): Step {
  const memory: ReplicaMemory = {
    manifest: restored?.manifest ?? null,
    served: restored?.served ?? null,
    reload: restored === null,
    doubtful: false,
    eventTimeMs: restored?.eventTimeMs ?? null,
    headVersion: restored?.served.version ?? -1,
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

/** One step of a replica: what it becomes, and what is to be done. */
export type StepReplica = (state: ReplicaState, event: ReplicaEvent, context: StepContext) => Step;

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
      return onApplied(state, event, context);
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
  const have = foundationOf(memory);
  const deadlineMs = context.nowMs + context.limits.answerMs;
  return {
    state: { kind: "syncing", refusals: 0, sameLog: false, deadlineMs, memory },
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
      return heard.kind === "live"
        ? onUpdate(heard, message, context)
        : onAwaitedUpdate(heard, message);
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
  const memory = { ...state.memory, manifest, reload: true, headVersion: -1 };
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
  const ahead = (served?.version ?? -1) - snapshot.version;
  if (state.kind === "live" && ahead >= 0) return stay(state);
  // An older one was under way, unless it is how the feed greets: then its log has lost versions.
  const isLate = state.kind === "syncing" && state.sameLog && ahead > 0;
  if (isLate && foundationOf(state.memory) !== null) return stay(state);
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
  const heard = hearOf(state, header.toVersion);
  if (header.fromVersion !== version) return refuse(heard, context, "gap");
  return { state: heard, effects: [{ kind: "apply", bytes }] };
}

/** The answer may be an update from the served state on; any other was under way before. */
function onAwaitedUpdate(state: StateOf<"syncing">, { header, bytes }: MessageOf<"update">): Step {
  const served = foundationOf(state.memory);
  const goesOn =
    served?.version === header.fromVersion && served.fingerprint === header.fingerprintBefore;
  // Logs may have begun alike: what fits may still be another log's.
  if (!goesOn || !state.sameLog) return stay(state);
  return { state: hearOf(state, header.toVersion), effects: [{ kind: "apply", bytes }] };
}

/** Remembers the newest version that the feed has named. */
function hearOf<S extends Connected>(state: S, version: number): S {
  const { memory } = state;
  if (version <= memory.headVersion) return state;
  return { ...state, memory: { ...memory, headVersion: version } };
}

function onHead(state: Connected, head: Position, context: StepContext): Step {
  const { memory } = state;
  // The manifest of another log was lost; while syncing it may still come.
  if (state.kind === "live" && head.logId !== memory.served?.logId) {
    return refuse(state, context, "noManifest");
  }
  const served = head.logId === memory.served?.logId ? foundationOf(memory) : null;
  if (served === null || head.version < served.version) return stay(state);
  if (head.version > served.version) {
    const heard = hearOf(state, head.version);
    // The tail of the updates was lost. While syncing, the answer is under way.
    return heard.kind === "live"
      ? resync(heard, 0, context, "gap")
      : stay({ ...heard, sameLog: true });
  }
  if (head.fingerprint !== served.fingerprint) return refuse(state, context, "diverged");
  // The answer to a hello from a replica that missed nothing: the feed learns where it is.
  const effects = state.kind === "syncing" ? acknowledge(state, served) : [];
  return { state: live(memory, context), effects };
}

function onApplied(
  state: Open,
  { name, eventTimeMs }: EventOf<"applied">,
  context: StepContext,
): Step {
  const { memory } = state;
  if (memory.served === null) return stay(state);
  const next = {
    ...memory,
    served: { logId: memory.served.logId, ...name },
    eventTimeMs: eventTimeMs ?? memory.eventTimeMs,
    headVersion: Math.max(memory.headVersion, name.version),
    updatesApplied: memory.updatesApplied + 1,
  };
  const after = state.kind === "syncing" ? live(next, context) : { ...state, memory: next };
  return { state: after, effects: acknowledge(state, name) };
}

function onReplaced(
  state: Open,
  { position, eventTimeMs }: EventOf<"replaced">,
  context: StepContext,
): Step {
  const { memory } = state;
  const next = {
    ...memory,
    served: position,
    eventTimeMs,
    headVersion: Math.max(memory.headVersion, position.version),
    reload: false,
    doubtful: false,
    snapshots: memory.snapshots + 1,
  };
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
