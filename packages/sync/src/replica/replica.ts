import type { Clock, Fingerprint, Random } from "@everfresh/core";

import type { Manifest } from "../manifest.ts";
import type { Timers } from "../timers.ts";
import type { Transport } from "../transport/transport.ts";
import type { ReplicaLimits, ReplicaPhase } from "./replica-machine.ts";
import type { Prediction, Runtime } from "./runtime.ts";

/** Options of `openReplica`. */
export interface ReplicaOptions {
  readonly transport: Transport;
  readonly runtime: Runtime;
  readonly clock: Clock;
  /** Jitter of the waiting times between attempts to connect. */
  readonly random: Random;
  /** @default the runtime's own */
  readonly timers?: Timers;
  /** Disposes the replica when aborted, at any time. */
  readonly signal?: AbortSignal;
  /** How long the first state may take. @default 15,000 ms */
  readonly connectTimeoutMs?: number;
  /** @default REPLICA_LIMITS */
  readonly limits?: Partial<ReplicaLimits>;
}

/** What a replica says about itself. */
export interface ReplicaStatus {
  readonly phase: ReplicaPhase;
  /** Of the state that answers predictions. */
  readonly version: number;
  /** Of the state that answers predictions. */
  readonly fingerprint: Fingerprint;
  /** Updates applied so far. */
  readonly updatesApplied: number;
  /** Snapshots taken over so far; the first state was one. */
  readonly snapshots: number;
  /** Messages refused so far: corrupt, diverging, or with a gap before them. */
  readonly rejected: number;
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
   * Outputs for `size` samples, all under the one version that is named with them.
   * @throws ReplicaClosedError once disposed
   */
  predict(inputs: Float32Array, size: number): Promise<Prediction>;
}
