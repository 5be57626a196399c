/**
 * What a replica knows, hears and does: the vocabulary of its state machine in
 * `replica-state.ts`.
 */
import type { Manifest, Snapshot } from "../manifest.ts";
import type { FeedMessage, Position, ReplicaMessage } from "../protocol/message.ts";
import type { BackoffLimits } from "./backoff.ts";
import type { StateName } from "./runtime.ts";

/** Where a replica is in its life. */
export type ReplicaPhase = "connecting" | "syncing" | "live" | "closed";

/** What a replica keeps from phase to phase. */
export interface ReplicaMemory {
  /** The newest manifest that came. */
  readonly manifest: Manifest | null;
  /** What predictions are made with. */
  readonly served: Position | null;
  /** The next snapshot needs a fresh runtime session: none yet, another log, or it is broken. */
  readonly reload: boolean;
  /** The served state may not be what its name says: only a snapshot helps. */
  readonly doubtful: boolean;
  /** Event time of the newest sample that the served state has learned from; null when unknown. */
  readonly eventTimeMs: number | null;
  /** The newest version of its log that the feed has named. */
  readonly headVersion: number;
  /** Attempts to connect since the last time that this replica was live. */
  readonly attempt: number;
  /** Updates applied. */
  readonly updatesApplied: number;
  /** Snapshots taken over. */
  readonly snapshots: number;
  /** Messages that were refused: corrupt, diverging or with a gap before them. */
  readonly rejected: number;
}

/** The state of a replica. `deadlineMs` is when a `wake` event is due, on the monotonic clock. */
export type ReplicaState =
  | {
      readonly kind: "connecting";
      /** An attempt is under way; otherwise waiting for the next one. */
      readonly opening: boolean;
      readonly deadlineMs: number;
      readonly memory: ReplicaMemory;
    }
  | {
      readonly kind: "syncing";
      /** Refusals since this connection was last live. */
      readonly refusals: number;
      /** The feed has said on this connection that its log is the served one: updates are of it. */
      readonly sameLog: boolean;
      readonly deadlineMs: number;
      readonly memory: ReplicaMemory;
    }
  | { readonly kind: "live"; readonly deadlineMs: number; readonly memory: ReplicaMemory }
  | { readonly kind: "closed"; readonly reason: string; readonly memory: ReplicaMemory };

/** What happens to a replica. */
export type ReplicaEvent =
  /** The connection is open. */
  | { readonly kind: "opened" }
  /** The connection could not be opened, broke or was closed by the other side. */
  | { readonly kind: "lost" }
  | { readonly kind: "message"; readonly message: FeedMessage }
  /** A frame came that is no message. */
  | { readonly kind: "malformed" }
  /** The update was applied. */
  | {
      readonly kind: "applied";
      readonly name: StateName;
      /** As the update said. */
      readonly eventTimeMs: number | null;
    }
  /** The snapshot was taken over, from the log that the effect named. */
  | {
      readonly kind: "replaced";
      readonly position: Position;
      /** As the snapshot said. */
      readonly eventTimeMs: number | null;
    }
  /** The runtime refused an update or a snapshot, or failed on it. */
  | { readonly kind: "refused"; readonly fault: RuntimeFault }
  /** The deadline may have come. */
  | { readonly kind: "wake" }
  | { readonly kind: "dispose"; readonly reason: string };

/** Bad data: the session is as it was. Broken: the session cannot be used. */
export type RuntimeFault = "badData" | "broken";

/** What a replica asks its shell to do. */
export type ReplicaEffect =
  | { readonly kind: "open" }
  | { readonly kind: "close" }
  | { readonly kind: "send"; readonly message: ReplicaMessage }
  /** Decode an update for the session that serves, and apply it there. */
  | { readonly kind: "apply"; readonly bytes: Uint8Array }
  /** Take over the values, in the session that serves. */
  | { readonly kind: "replace"; readonly logId: string; readonly snapshot: Snapshot }
  /** Make a fresh session and let it serve instead. */
  | { readonly kind: "load"; readonly manifest: Manifest; readonly snapshot: Snapshot };

/** Bounds of a replica; all in milliseconds of the monotonic clock. */
export interface ReplicaLimits {
  /** How long opening a connection may take. */
  readonly openMs: number;
  /**
   * How long the answer to `hello` or `resync` may take; a large snapshot on a slow line needs
   * it.
   */
  readonly answerMs: number;
  /** How long a feed may be silent; it says `head` every two seconds. */
  readonly silenceMs: number;
  /** Time between two checks of the whole served state, begin to begin at least. */
  readonly scrubMs: number;
  readonly backoff: BackoffLimits;
}

/** What a replica knows from an earlier life. */
export interface RestoredReplica {
  readonly manifest: Manifest;
  readonly served: Position;
  readonly eventTimeMs: number | null;
}

/** Time, chance and bounds for one step. */
export interface StepContext {
  /** Monotonic clock. */
  readonly nowMs: number;
  /** Uniform in [0, 1). */
  readonly jitter: number;
  readonly limits: ReplicaLimits;
}

/** The outcome of one step. */
export interface Step {
  readonly state: ReplicaState;
  readonly effects: readonly ReplicaEffect[];
}
