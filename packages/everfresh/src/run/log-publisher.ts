import type { Update } from "@everfresh/core";
import type { Published, Publisher } from "@everfresh/learn";
import { decodeUpdate, encodeUpdate } from "@everfresh/sync";
import type { UpdateLog } from "@everfresh/sync/node";
import type { ReplicaGate } from "./replica-gate.ts";
import type { UpdateLatency } from "./update-latency.ts";

/**
 * Publishes through the log: durable first, then sent. A version that the log has already, because a
 * restart replays the step that made it, is not sent again; the logged update stands.
 */
export class LogPublisher implements Publisher {
  readonly #log: UpdateLog;
  readonly #gate: ReplicaGate;
  readonly #latency: UpdateLatency;

  constructor(log: UpdateLog, gate: ReplicaGate, latency: UpdateLatency) {
    this.#log = log;
    this.#gate = gate;
    this.#latency = latency;
  }

  async publish(update: Update): Promise<Published> {
    const logged = await this.#logged(update.toVersion);
    if (logged !== null) {
      return { update: decodeUpdate(logged), bytes: logged.byteLength, replayed: true };
    }
    const bytes = encodeUpdate(update);
    await this.#log.append(update, bytes);
    this.#latency.published(update.toVersion);
    this.#gate.open().publish(update, bytes);
    return { update, bytes: bytes.byteLength, replayed: false };
  }

  async #logged(version: number): Promise<Uint8Array | null> {
    const head = this.#log.head();
    return head !== null && version <= head.version ? this.#log.read(version) : null;
  }
}
