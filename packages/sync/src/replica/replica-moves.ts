/** The moves that many steps of the state machine in `replica-state.ts` share. */
import type { Position, ResyncReason } from "../protocol/message.ts";
import { backoffMs } from "./backoff.ts";
import type {
  ReplicaEffect,
  ReplicaMemory,
  ReplicaPhase,
  ReplicaState,
  Step,
  StepContext,
} from "./replica-machine.ts";
import type { StateName } from "./runtime.ts";

/** After so many refusals in a row a new connection is tried instead of another answer. */
export const REFUSALS_MAX = 3;

/** A replica in phase `K`. */
export type StateOf<K extends ReplicaPhase> = Extract<ReplicaState, { readonly kind: K }>;

/** A replica that hears a feed. */
export type Connected = StateOf<"syncing"> | StateOf<"live">;

/** A replica that was not disposed. */
export type Open = Connected | StateOf<"connecting">;

/** What updates can build upon: nothing where the session or its state cannot be relied upon. */
export function foundationOf({ served, reload, doubtful }: ReplicaMemory): Position | null {
  return reload || doubtful ? null : served;
}

/** Counts a rejection and asks for a snapshot; after too many, for a new connection. */
export function refuse(state: Open, context: StepContext, reason: ResyncReason): Step {
  const memory = {
    ...state.memory,
    rejected: state.memory.rejected + 1,
    // When the answer to a refusal is refused too, what it was made from may be damaged.
    doubtful: state.memory.doubtful || reason === "diverged" || state.kind === "syncing",
  };
  if (state.kind === "connecting") return stay({ ...state, memory });
  const refusals = state.kind === "syncing" ? state.refusals + 1 : 1;
  if (refusals > REFUSALS_MAX) {
    return retreat({ ...state, memory }, context, [{ kind: "close" }]);
  }
  return resync({ ...state, memory }, refusals, context, reason);
}

/** Asks to be brought in line, and waits for the answer. */
export function resync(
  state: Connected,
  refusals: number,
  context: StepContext,
  why: ResyncReason,
): Step {
  const reason = state.memory.manifest === null ? "noManifest" : why;
  const memory = { ...state.memory, doubtful: state.memory.doubtful || reason === "diverged" };
  const have = foundationOf(memory);
  const sameLog = state.kind === "live" || state.sameLog;
  return {
    state: { ...syncing(memory, refusals, context), sameLog },
    effects: [{ kind: "send", message: { kind: "resync", reason, have } }],
  };
}

/** Waits before the next attempt to connect. */
export function retreat(
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

/** The end. */
export function close(state: Open, reason: string): Step {
  return {
    state: { kind: "closed", reason, memory: state.memory },
    effects: [{ kind: "close" }],
  };
}

/** Following, and heard from just now. */
export function live(memory: ReplicaMemory, { nowMs, limits }: StepContext): StateOf<"live"> {
  return {
    kind: "live",
    deadlineMs: nowMs + limits.silenceMs,
    memory: { ...memory, attempt: 0 },
  };
}

/** Waiting for an answer from now on. */
export function syncing(
  memory: ReplicaMemory,
  refusals: number,
  { nowMs, limits }: StepContext,
): StateOf<"syncing"> {
  const deadlineMs = nowMs + limits.answerMs;
  return { kind: "syncing", refusals, sameLog: false, deadlineMs, memory };
}

/** Says what is served now, where somebody listens. */
export function acknowledge(
  state: ReplicaState,
  { version, fingerprint }: StateName,
): ReplicaEffect[] {
  if (state.kind === "connecting") return [];
  return [{ kind: "send", message: { kind: "ack", version, fingerprint } }];
}

/** Nothing happens. */
export function stay(state: ReplicaState): Step {
  return { state, effects: [] };
}
