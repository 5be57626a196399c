import type { Random } from "@everfresh/core";

import type { SignaturePolicy } from "../codec/update-signature.ts";
import { UpdateSignatureError } from "../errors.ts";
import { FollowingReplica, type ReplicaParts } from "../replica/following-replica.ts";
import type { Step } from "../replica/replica-machine.ts";
import type { StepReplica } from "../replica/replica-state.ts";
import type { ReplicaStatus } from "../replica/replica.ts";
import { replicaStoreIn } from "../replica/store-files.ts";
import { httpTransport } from "../transport/http/http-transport.ts";
import type { SimDisk } from "./sim-disk.fixture.ts";
import { ADDRESS, type SimLine } from "./sim-network.fixture.ts";
import { SimRuntime } from "./sim-runtime.fixture.ts";
import type { ProcessTime } from "./sim-time.fixture.ts";

/** Options of {@link SimReplica}. */
export interface SimReplicaOptions {
  readonly time: ProcessTime;
  readonly random: Random;
  readonly line: SimLine;
  readonly disk: SimDisk;
  readonly isPolling: boolean;
  readonly parts: ReplicaParts;
  readonly isTrusting: boolean;
  readonly scrubMs: number;
  /** Whose updates it takes; null for anybody's. */
  readonly signatures: SignaturePolicy | null;
  /** It has ended because what it was to begin with was not signed as it must be. */
  readonly onMistrust: () => void;
}

/** The limits of simulated replicas: short, so that a run is. */
const LIMITS = {
  openMs: 1_000,
  answerMs: 2_000,
  silenceMs: 2_500,
  backoff: { baseMs: 50, capMs: 400 },
} as const;

/** One life of a replica's process. */
export class SimReplica {
  readonly time: ProcessTime;
  readonly runtime: SimRuntime;
  readonly #replica: FollowingReplica;
  /** Whether the newest snapshot was taken in doubt of the state before it. */
  wasInDoubt = false;
  /** Predictions that failed though there was a state. */
  readonly failures: Error[] = [];

  constructor(options: SimReplicaOptions) {
    const { time, random, line, disk, isPolling, parts, isTrusting, scrubMs } = options;
    const { signatures, onMistrust } = options;
    this.time = time;
    this.runtime = new SimRuntime(isTrusting);
    const polling = {
      fetch: line.fetch,
      timers: time,
      clock: time,
      random,
      pollMs: 300,
      pollMsMax: 900,
    };
    this.#replica = new FollowingReplica(
      {
        transport: isPolling ? httpTransport(ADDRESS, polling) : line,
        runtime: this.runtime,
        clock: time,
        timers: time,
        random,
        store: replicaStoreIn(disk.mount()),
        connectTimeoutMs: 1e9,
        ...(signatures === null ? {} : { signatures }),
        limits: { ...LIMITS, scrubMs },
      },
      { ...parts, step: (state, event, context) => this.#step(parts.step, state, event, context) },
    );
    // A crashed process never gets there.
    this.#replica.opened().catch((error: unknown) => {
      if (!(error instanceof UpdateSignatureError)) this.#failed(error);
      else if (time.isAlive) onMistrust();
    });
  }

  get status(): ReplicaStatus {
    return this.#replica.status();
  }

  /** Log of what it serves; empty before it serves. */
  get logId(): string {
    return this.status.version < 0 ? "" : this.#replica.manifest.logId;
  }

  #step(step: StepReplica, ...[state, event, context]: Parameters<StepReplica>): Step {
    const { doubtful, reload } = state.memory;
    if (event.kind === "replaced") this.wasInDoubt = doubtful || reload;
    return step(state, event, context);
  }

  /** Asks for a prediction; one that fails is remembered. */
  predict(): void {
    if (this.status.version < 0) return;
    this.#replica.predict(new Float32Array(1), 1).catch(this.#failed);
  }

  readonly #failed = (error: unknown): void => {
    if (this.time.isAlive) {
      this.failures.push(error instanceof Error ? error : new Error(String(error)));
    }
  };
}
