/** Faults that are planted in the protocol on purpose: the simulation must notice each of them. */
import { decodeFeedMessage } from "../protocol/message-codec.ts";
import type { FeedMessage } from "../protocol/message.ts";
import type { ReplicaParts } from "../replica/following-replica.ts";
import type { ReplicaEvent, ReplicaState, Step, StepContext } from "../replica/replica-machine.ts";
import { stepReplica } from "../replica/replica-state.ts";
import { type LineFaults, mendChecksum } from "./sim-network.fixture.ts";

/** What a mutation changes. */
export interface Mutation {
  /** The replica's state machine and decoder. */
  readonly parts?: Partial<ReplicaParts>;
  /** The replica's runtime believes what updates and snapshots say about themselves. */
  readonly isTrusting?: boolean;
  /** Nothing is forged and no memory rots, so that what is found is the mutation's own doing. */
  readonly isHonest?: boolean;
  /** The log acknowledges what is not durable yet. */
  readonly isEager?: boolean;
  /** The feed's queues have no bound. */
  readonly isUnbounded?: boolean;
  /** The replica's store writes in place. */
  readonly isTorn?: boolean;
  /** The replica never checks its memory. */
  readonly neverScrubs?: boolean;
  /** What the replica's policy gets wrong, in runs where signatures are required. */
  readonly trusts?: "unsigned" | "any signature";
  /** How the lines behave all the time, so that it shows sooner. */
  readonly line?: Partial<LineFaults>;
  /** Where the search for a run that shows it begins, to save time. @default 1 */
  readonly firstSeed?: number;
}

/** Every planted fault, by what is wrong. */
export const MUTATIONS = {
  "fingerprints are not checked": { isTrusting: true, firstSeed: 8 },
  "a gap is accepted": { isTrusting: true, isHonest: true, parts: { step: acceptGaps } },
  "an update is applied twice": {
    isTrusting: true,
    isHonest: true,
    parts: { step: applyDuplicates },
  },
  "a version is acknowledged before it is durable": { isEager: true },
  "checksums are not checked": { parts: { decode: decodeUnchecked }, firstSeed: 16 },
  "a snapshot that was under way is taken": {
    parts: { step: takeOldSnapshots },
    line: { drop: 0.1, duplicate: 0.5, reorder: 0.5 },
    firstSeed: 44,
  },
  "nobody asks for what was lost": { parts: { step: neverResync }, firstSeed: 8 },
  "a connection that is silent is waited for": { parts: { step: waitForever }, firstSeed: 10 },
  "a state that does not fit is served on": { parts: { step: ignoreRefusals }, firstSeed: 8 },
  "a slow replica's queue has no bound": { isUnbounded: true, firstSeed: 14 },
  "the store is written in place": { isTorn: true },
  "memory is never checked": { neverScrubs: true, firstSeed: 8 },
  "what nobody has signed is taken": { trusts: "unsigned", firstSeed: 8 },
  "signatures are there, and nobody looks at them": { trusts: "any signature", firstSeed: 8 },
} as const satisfies Readonly<Record<string, Mutation>>;

/** Takes any later update for the next one. */
function acceptGaps(state: ReplicaState, event: ReplicaEvent, context: StepContext): Step {
  return stepReplica(
    state,
    withUpdateFrom(state, event, (to, at) => to > at),
    context,
  );
}

/** Takes an update that is there already for the next one. */
function applyDuplicates(state: ReplicaState, event: ReplicaEvent, context: StepContext): Step {
  const version = state.memory.served?.version ?? -1;
  const { message } = event.kind === "message" ? event : { message: null };
  const isDuplicate = message?.kind === "update" && message.header.toVersion === version;
  if (!isDuplicate || state.kind !== "live") return stepReplica(state, event, context);
  return { state, effects: [{ kind: "apply", bytes: message.bytes }] };
}

function withUpdateFrom(
  state: ReplicaState,
  event: ReplicaEvent,
  isTaken: (to: number, at: number) => boolean,
): ReplicaEvent {
  const version = state.memory.served?.version ?? -1;
  if (event.kind !== "message" || event.message.kind !== "update") return event;
  const { message } = event;
  if (!isTaken(message.header.toVersion, version)) return event;
  const header = { ...message.header, fromVersion: version };
  return { kind: "message", message: { ...message, header } };
}

/** Goes back to any snapshot that comes while it waits for an answer. */
function takeOldSnapshots(state: ReplicaState, event: ReplicaEvent, context: StepContext): Step {
  const isSnapshot = event.kind === "message" && event.message.kind === "snapshot";
  if (!isSnapshot || state.kind !== "syncing") return stepReplica(state, event, context);
  return stepReplica({ ...state, sameLog: false }, event, context);
}

/** Reads frames whose checksum is wrong. */
function decodeUnchecked(frame: Uint8Array): FeedMessage {
  try {
    return decodeFeedMessage(frame);
  } catch {
    const start = { 16: 1, 17: 2 + (frame[1] ?? 0), 18: 1, 19: 0, 20: 0 }[frame[0] ?? 0] ?? 0;
    const mended = frame.slice();
    mendChecksum(mended, start);
    return decodeFeedMessage(mended);
  }
}

/** Hears of lost updates and does nothing. */
function neverResync(state: ReplicaState, event: ReplicaEvent, context: StepContext): Step {
  const step = stepReplica(state, event, context);
  const asks = step.effects.some(({ kind }, i) => {
    const effect = step.effects[i];
    return kind === "send" && effect?.kind === "send" && effect.message.kind === "resync";
  });
  return asks && state.kind === "live" ? { state, effects: [] } : step;
}

/** Has no deadlines once it is connected. */
function waitForever(state: ReplicaState, event: ReplicaEvent, context: StepContext): Step {
  if (event.kind === "wake" && state.kind !== "connecting") {
    return state.kind === "closed"
      ? { state, effects: [] }
      : { state: { ...state, deadlineMs: context.nowMs + 1e6 }, effects: [] };
  }
  return stepReplica(state, event, context);
}

/** Takes what was refused for applied. */
function ignoreRefusals(state: ReplicaState, event: ReplicaEvent, context: StepContext): Step {
  if (event.kind === "refused" && state.kind === "live") return { state, effects: [] };
  return stepReplica(state, event, context);
}
