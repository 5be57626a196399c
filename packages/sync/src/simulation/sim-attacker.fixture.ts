import { fingerprintOf, type Random, type StateLayout } from "@everfresh/core";

import { decodeSnapshot, encodeSnapshot } from "../codec/snapshot-codec.ts";
import { encodeUpdate } from "../codec/update-codec.ts";
import { readUpdateHeader } from "../codec/update-header.ts";
import { stateOfSnapshot } from "../manifest.ts";
import { sealedBy } from "./sim-keys.fixture.ts";

/** The attacker's own secret. */
const SECRET = 666;

/**
 * Somebody on a line who knows the format and all that passes, but no key of the publisher: what he
 * sends instead is right in every checksum and fingerprint.
 */
export class SimAttacker {
  readonly #random: Random;
  readonly #layout: StateLayout;
  readonly #trustedIds: readonly number[];

  /** @param trustedIds of the keys that are trusted: he sees them in each signature */
  constructor(random: Random, layout: StateLayout, trustedIds: readonly number[]) {
    this.#random = random;
    this.#layout = layout;
    this.#trustedIds = trustedIds;
  }

  /** In place of an update one that changes nothing, and says so. */
  update(bytes: Uint8Array): Uint8Array {
    const { fromVersion, toVersion, fingerprintBefore } = readUpdateHeader(bytes);
    const forged = {
      ...{ fromVersion, toVersion, fingerprintBefore, fingerprintAfter: fingerprintBefore },
      eventTimeMs: null,
      valueType: "float32",
      indices: new Uint32Array(0),
      values: new Float32Array(0),
      buffers: [],
    } as const;
    return this.#sealed(encodeUpdate(forged, { layout: this.#layout }));
  }

  /** In place of a snapshot another state of that version, with its own fingerprint. */
  snapshot(bytes: Uint8Array): Uint8Array {
    const snapshot = decodeSnapshot(bytes);
    const state = stateOfSnapshot(this.#layout, snapshot);
    state.parameters[this.#random.below(state.parameters.length)] = this.#random.normal();
    const forged = { bytes: new Uint8Array(state.buffer), fingerprint: fingerprintOf(state) };
    return this.#sealed(encodeSnapshot({ ...snapshot, ...forged }).slice());
  }

  /** Unsigned, signed by himself, or as if a trusted key had signed. */
  #sealed(bytes: Uint8Array): Uint8Array {
    const how = this.#random.below(3);
    if (how === 0) return bytes;
    const [id = SECRET] = how === 1 ? [] : this.#trustedIds;
    return sealedBy(SECRET, id, bytes);
  }
}
