import type { Clock } from "@everfresh/core";
import { MeasuredValues } from "./measured-values.ts";

const VERSIONS_MAX = 1_024; // versions whose way is still timed; an older one is not waited for
const REPLICAS_MAX = 10_000; // as many as the feed lets in; the oldest is forgotten first

/**
 * Times the way of an update: from the end of the optimizer step that made it to a replica's word
 * that it serves it, both on the trainer's clock. What a replica catches up while it joins is not
 * counted: that is the cost of joining, not of an update.
 */
export class UpdateLatency {
  /** Milliseconds per update and replica. */
  readonly values: MeasuredValues = new MeasuredValues();
  readonly #clock: Clock;
  readonly #stepDoneAtMs = new Map<number, number>();
  readonly #joinedAtVersion = new Map<string, number>();
  #lastStepDoneMs = 0;
  #newestVersion = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** An optimizer step has ended. */
  stepDone(): void {
    this.#lastStepDoneMs = this.#clock.monotonicMs();
  }

  /** The update to `version`, made by the last step, is on its way. */
  published(version: number): void {
    this.#newestVersion = version;
    remember(this.#stepDoneAtMs, version, this.#lastStepDoneMs, VERSIONS_MAX);
  }

  /** A replica says that it serves `version`. */
  acknowledged(replicaId: string, version: number): void {
    const joinedAt = this.#joinedAtVersion.get(replicaId);
    if (joinedAt === undefined) {
      remember(this.#joinedAtVersion, replicaId, this.#newestVersion, REPLICAS_MAX);
      return;
    }
    const doneAtMs = this.#stepDoneAtMs.get(version);
    if (version <= joinedAt || doneAtMs === undefined) return;
    this.values.add(this.#clock.monotonicMs() - doneAtMs);
  }
}

function remember<Key>(map: Map<Key, number>, key: Key, value: number, entriesMax: number): void {
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= entriesMax) break;
    map.delete(oldest);
  }
}
