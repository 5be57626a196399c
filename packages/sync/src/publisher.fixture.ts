import {
  classes,
  createState,
  DeployedState,
  type Fingerprint,
  numeric,
  type Random,
  roundTo,
  type StateChange,
  stateLayout,
  type StateLayout,
  type Update,
} from "@everfresh/core";

import { encodeUpdate } from "./codec/update-codec.ts";
import type { Manifest } from "./manifest.ts";

/** A small model with two parameters and two buffers of different kinds. */
export const SMALL_LAYOUT: StateLayout = stateLayout([
  { name: "weight", role: "parameter", dtype: "float32", shape: [10, 20] },
  { name: "bias", role: "parameter", dtype: "float32", shape: [10] },
  { name: "mean", role: "buffer", dtype: "float32", shape: [5] },
  { name: "count", role: "buffer", dtype: "int64", shape: [] },
]);

/** A manifest whose graph is a few arbitrary bytes. */
export function smallManifest(logId = "log-1"): Manifest {
  return {
    name: "small",
    logId,
    graph: Uint8Array.of(1, 2, 3),
    layout: SMALL_LAYOUT,
    input: { name: "x", shape: [20] },
    output: { name: "logits", shape: [10] },
    preprocessing: numeric(20),
    target: classes(10),
  };
}

/** A state with normally distributed parameters. */
export function randomState(random: Random, version = 0, layout = SMALL_LAYOUT): DeployedState {
  const state = createState(layout);
  for (let i = 0; i < state.parameters.length; i++) state.parameters[i] = random.normal();
  return new DeployedState(state, version);
}

/** A change of some parameters and, every now and then, of the buffers. */
function randomChange(random: Random, layout = SMALL_LAYOUT): StateChange {
  const valueType = random.below(2) === 0 ? "float16" : "float32";
  const chosen = new Set<number>();
  const count = 1 + random.below(10);
  while (chosen.size < count) chosen.add(random.below(layout.parameterCount));
  const indices = Uint32Array.from([...chosen].sort((a, b) => a - b));
  const values = Float32Array.from(indices, () => roundTo(valueType, random.normal()));
  const buffers =
    random.below(4) === 0
      ? [
          { tensor: 2, data: Float32Array.from({ length: 5 }, () => random.normal()) },
          { tensor: 3, data: BigInt64Array.of(BigInt(random.uint32())) },
        ]
      : [];
  return { valueType, indices, values, buffers };
}

/** Makes one update after another, as a trainer would, and remembers what it has published. */
export class Publisher {
  readonly deployed: DeployedState;
  readonly fingerprints: Set<Fingerprint>;
  readonly #random: Random;

  constructor(random: Random, deployed: DeployedState = randomState(random)) {
    this.#random = random;
    this.deployed = deployed;
    this.fingerprints = new Set([deployed.fingerprint]);
  }

  /** @param eventTimeMs of the newest sample that the update has learned from */
  next(eventTimeMs: number | null = null): {
    readonly update: Update;
    readonly bytes: Uint8Array;
  } {
    const update = this.deployed.updateFor(randomChange(this.#random), eventTimeMs);
    this.deployed.apply(update);
    this.fingerprints.add(update.fingerprintAfter);
    return { update, bytes: encodeUpdate(update, { layout: this.deployed.state.layout }) };
  }
}
