import type { Clock, Features, Fingerprint, Random } from "@everfresh/core";

import type { SignaturePolicy } from "../codec/update-signature.ts";
import type { Manifest } from "../manifest.ts";
import type { Timers } from "../timers.ts";
import type { Transport } from "../transport/transport.ts";
import type { ReplicaLimits, ReplicaPhase } from "./replica-machine.ts";
import type { ReplicaStore } from "./replica-store.ts";
import type { Prediction, Runtime } from "./runtime.ts";

/** Options of `openReplica`. */
export interface ReplicaOptions {
  readonly transport: Transport;
  readonly runtime: Runtime;
  readonly clock: Clock;
  /** Jitter of the waiting times between attempts to connect. */
  readonly random: Pick<Random, "float">;
  /** @default the runtime's own */
  readonly timers?: Timers;
  /** Disposes the replica when aborted, at any time. */
  readonly signal?: AbortSignal;
  /** How long the first state may take. @default 15,000 ms */
  readonly connectTimeoutMs?: number;
  /** Whose updates and states are taken. @default anybody's, signed or not */
  readonly signatures?: SignaturePolicy;
  /**
   * Keeps the state from one life of the replica to the next: it starts from there, offline too, and
   * then catches up. @default nothing is kept
   */
  readonly store?: ReplicaStore;
  /** Hears why the store could not be read or written; the replica serves on without it. */
  readonly onStoreError?: (error: unknown) => void;
  /** @default REPLICA_LIMITS */
  readonly limits?: Partial<ReplicaLimits>;
}

/** Something that a replica has coped with. */
export interface ReplicaFault {
  /** Of an EverfreshError, such as EF_UPDATE_SIGNATURE; null for another one. */
  readonly code: string | null;
  readonly message: string;
}

/** What a replica says about itself. */
export interface ReplicaStatus {
  readonly phase: ReplicaPhase;
  /** Of the state that answers predictions. */
  readonly version: number;
  /** Of the state that answers predictions. */
  readonly fingerprint: Fingerprint;
  /**
   * Event time of the newest sample that this state has learned from, in Unix milliseconds; null
   * when the publisher does not say.
   */
  readonly eventTimeMs: number | null;
  /** From that event time to now, in milliseconds by this machine's clock; at least 0. */
  readonly freshnessMs: number | null;
  /** Versions between this state and the newest one that the feed has named. */
  readonly lagVersions: number;
  /** The version that the store has for sure; null without a store, or with nothing in it. */
  readonly storedVersion: number | null;
  /** Checks of the whole state so far that found it sound. */
  readonly scrubs: number;
  /** Checks that found it to be other bits than it was: it is replaced by a snapshot each time. */
  readonly corruptions: number;
  /** Updates applied so far. */
  readonly updatesApplied: number;
  /** Snapshots taken over so far; the first state was one, unless it came from the store. */
  readonly snapshots: number;
  /** Messages refused so far: corrupt, diverging, or with a gap before them. */
  readonly rejected: number;
  /** What was wrong with a message, with the state or with the runtime the last time; null: nothing. */
  readonly lastFault: ReplicaFault | null;
  /** Bytes of all messages that came in. */
  readonly bytesReceived: number;
}

/**
 * A live copy of a deployed model: it keeps itself at the newest version and answers predictions.
 */
export interface Replica extends AsyncDisposable {
  /** Of the model that answers predictions. */
  readonly manifest: Manifest;
  /** How it is now. */
  status(): ReplicaStatus;
  /**
   * How it is now, then the newest status whenever phase, version or rejections have changed since
   * the reader last asked; ends after "closed".
   */
  states(): AsyncIterable<ReplicaStatus>;
  /**
   * Outputs for `size` samples, all under the one version that is named with them: it transforms their
   * raw features and computes.
   * @param features raw, samples one after another, as the manifest's preprocessing takes them
   * @throws ReplicaClosedError once disposed
   */
  predict(features: Features, size: number): Promise<Prediction>;
}
