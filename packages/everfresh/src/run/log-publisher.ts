import type { DeployedState, Update } from "@everfresh/core";
import type { Published, Publisher, UpdateOrigin } from "@everfresh/learn";
import { decodeUpdate, encodeUpdate, type SigningKey, signUpdate } from "@everfresh/sync";
import { undoRecordOf, type UpdateLog } from "@everfresh/sync/node";
import type { ReplicaGate } from "./replica-gate.ts";
import { snapshotOf } from "./snapshot-of.ts";
import type { UpdateLatency } from "./update-latency.ts";

/** What a {@link LogPublisher} works with. */
export interface LogPublisherOptions {
  readonly log: UpdateLog;
  readonly gate: ReplicaGate;
  readonly latency: UpdateLatency;
  /** The state that updates are for: before them when they are published. */
  readonly deployed: DeployedState;
  /** Signs updates before they are logged; null to sign nothing. */
  readonly signingKey: SigningKey | null;
}

/**
 * Publishes through the log: durable first, then sent. A version that the log has already, because a
 * restart replays the step that made it, is not sent again; the logged update stands.
 */
export class LogPublisher implements Publisher {
  readonly #log: UpdateLog;
  readonly #gate: ReplicaGate;
  readonly #latency: UpdateLatency;
  readonly #deployed: DeployedState;
  readonly #signingKey: SigningKey | null;

  constructor({ log, gate, latency, deployed, signingKey }: LogPublisherOptions) {
    this.#log = log;
    this.#gate = gate;
    this.#latency = latency;
    this.#deployed = deployed;
    this.#signingKey = signingKey;
  }

  async publish(update: Update, origin: UpdateOrigin): Promise<Published> {
    const { layout, buffer } = this.#deployed.state;
    const logged = await this.#logged(update.toVersion);
    if (logged !== null) {
      return { update: decodeUpdate(logged, { layout }), bytes: logged.byteLength, replayed: true };
    }
    const base = new Uint32Array(buffer, 0, layout.byteLength / 4);
    const unsigned = encodeUpdate(update, { layout, base });
    const key = this.#signingKey;
    const bytes = key === null ? unsigned : await signUpdate(unsigned, key);
    const { anchorDue } = this.#log;
    const { step, samples, sampler } = origin;
    await this.#log.append(update, bytes, {
      lineage: { step, samples, drawn: sampler.drawn },
      undo: undoRecordOf(this.#deployed.state, update),
    });
    this.#latency.published(update.toVersion);
    this.#gate.open().publish(update, bytes);
    // Of the state before the update, which nobody has to wait for; due again if this process dies.
    if (anchorDue) await this.#log.putAnchor(snapshotOf(this.#deployed));
    return { update, bytes: bytes.byteLength, replayed: false };
  }

  async #logged(version: number): Promise<Uint8Array | null> {
    const head = this.#log.head();
    return head !== null && version <= head.version ? this.#log.read(version) : null;
  }
}
