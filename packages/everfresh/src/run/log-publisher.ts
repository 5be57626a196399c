import type { Clock, Update } from "@everfresh/core";
import type { Published, Publisher } from "@everfresh/learn";
import { decodeUpdate, encodeUpdate } from "@everfresh/sync";
import type { UpdateLog } from "@everfresh/sync/node";
import type { ReplicaGate } from "./replica-gate.ts";

const TIMED_MAX = 1_024; // versions whose way to the replicas is still timed; older ones are forgotten

/**
 * Publishes through the log: durable first, then sent. A version that the log has already, because a
 * restart replays the step that made it, is not sent again; the logged update stands.
 */
export class LogPublisher implements Publisher {
  readonly #log: UpdateLog;
  readonly #gate: ReplicaGate;
  readonly #clock: Clock;
  readonly #stepDoneAtMs = new Map<number, number>();
  #lastStepDoneMs = 0;

  constructor(log: UpdateLog, gate: ReplicaGate, clock: Clock) {
    this.#log = log;
    this.#gate = gate;
    this.#clock = clock;
  }

  /** Notes that an optimizer step is done: the moment from which the way to a replica is timed. */
  stepDone(): void {
    this.#lastStepDoneMs = this.#clock.monotonicMs();
  }

  async publish(update: Update): Promise<Published> {
    const logged = await this.#logged(update.toVersion);
    if (logged !== null) {
      return { update: decodeUpdate(logged), bytes: logged.byteLength, replayed: true };
    }
    const bytes = encodeUpdate(update);
    await this.#log.append(update, bytes);
    this.#time(update.toVersion);
    this.#gate.open().publish(update, bytes);
    return { update, bytes: bytes.byteLength, replayed: false };
  }

  /** Milliseconds from the optimizer step that made `version` until now; null when it is forgotten. */
  sinceStepMs(version: number): number | null {
    const doneAtMs = this.#stepDoneAtMs.get(version);
    return doneAtMs === undefined ? null : this.#clock.monotonicMs() - doneAtMs;
  }

  async #logged(version: number): Promise<Uint8Array | null> {
    const head = this.#log.head();
    return head !== null && version <= head.version ? this.#log.read(version) : null;
  }

  #time(version: number): void {
    this.#stepDoneAtMs.set(version, this.#lastStepDoneMs);
    for (const old of this.#stepDoneAtMs.keys()) {
      if (this.#stepDoneAtMs.size <= TIMED_MAX) break;
      this.#stepDoneAtMs.delete(old);
    }
  }
}
