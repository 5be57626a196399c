import type { DeployedState, Update } from "@everfresh/core";
import type { Published, Publisher, UpdateOrigin } from "@everfresh/learn";
import { decodeUpdate, encodeUpdate } from "@everfresh/sync";
import { undoRecordOf, type UpdateLog } from "@everfresh/sync/node";
import type { ReplicaGate } from "./replica-gate.ts";
import { snapshotOf } from "./snapshot-of.ts";
import type { UpdateLatency } from "./update-latency.ts";

/**
 * Publishes through the log: durable first, then sent. A version that the log has already, because a
 * restart replays the step that made it, is not sent again; the logged update stands.
 */
export class LogPublisher implements Publisher {
  readonly #log: UpdateLog;
  readonly #gate: ReplicaGate;
  readonly #latency: UpdateLatency;
  readonly #deployed: DeployedState;

  /** @param deployed the state that updates are for: before them when they are published */
  constructor(log: UpdateLog, gate: ReplicaGate, latency: UpdateLatency, deployed: DeployedState) {
    this.#log = log;
    this.#gate = gate;
    this.#latency = latency;
    this.#deployed = deployed;
  }

  async publish(update: Update, origin: UpdateOrigin): Promise<Published> {
    const { layout, buffer } = this.#deployed.state;
    const logged = await this.#logged(update.toVersion);
    if (logged !== null) {
      return { update: decodeUpdate(logged, { layout }), bytes: logged.byteLength, replayed: true };
    }
    const base = new Uint32Array(buffer, 0, layout.parameterCount);
    const bytes = encodeUpdate(update, { layout, base });
    if (this.#log.anchorDue) await this.#log.putAnchor(snapshotOf(this.#deployed));
    const { step, samples, sampler } = origin;
    await this.#log.append(update, bytes, {
      lineage: { step, samples, drawn: sampler.drawn },
      undo: undoRecordOf(this.#deployed.state, update),
    });
    this.#latency.published(update.toVersion);
    this.#gate.open().publish(update, bytes);
    return { update, bytes: bytes.byteLength, replayed: false };
  }

  async #logged(version: number): Promise<Uint8Array | null> {
    const head = this.#log.head();
    return head !== null && version <= head.version ? this.#log.read(version) : null;
  }
}
