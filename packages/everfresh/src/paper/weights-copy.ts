import {
  cloneState,
  deployCopy,
  DeployedState,
  type ModelState,
  Random,
  type StateChange,
  streamOf,
} from "@everfresh/core";
import {
  estimateBuffers,
  type Sparsifier,
  sparsifierOf,
  type SparsifierSpec,
  uniformSampler,
} from "@everfresh/learn";
import { defaultBuffersEvery } from "../config/deployment-options.ts";
import type { Follower } from "./follower.ts";
import type { Compression, WeightsRow } from "./row-spec.ts";
import type { SeedRun } from "./seed-run.ts";
import { UpdateAccount } from "./update-account.ts";
import { changedOf, weighUpdate } from "./update-weight.ts";

/** What leaves all weights as they are. */
export const NO_CHANGE: StateChange = {
  valueType: "float32",
  indices: new Uint32Array(0),
  values: new Float32Array(0),
  buffers: [],
};

/** Batches of a fresh estimate to compare with: four times those of an estimate that is sent. */
const RECALIBRATION_BATCHES = 16;

/** What a copy needs of the run of its seed. */
export type CopySource = Pick<SeedRun, "session" | "history" | "experiment" | "seed" | "clock">;

/** A deployed copy: it gets the updates that replicas would get. */
export class WeightsCopy implements Follower {
  readonly row: WeightsRow;
  readonly updates: UpdateAccount = new UpdateAccount();
  selectSeconds = 0;
  encodeSeconds = 0;
  readonly #source: CopySource;
  readonly #deployed: DeployedState;
  readonly #sparsifier: Sparsifier;
  /** Updates from one estimate of statistics to the next; infinite without BatchNormalization. */
  readonly #buffersEvery: number;

  /** Begins as a copy of `state`. */
  constructor(row: WeightsRow, state: ModelState, source: CopySource) {
    this.row = row;
    this.#source = source;
    this.#deployed = deployCopy(state, 0, { shared: true, kernels: true });
    this.#sparsifier = sparsifierOf(sparsifierSpecOf(row.compression), { seed: source.seed });
    const { compression } = row;
    const ratio = compression.selector === "qsgd" ? 1 : compression.ratio;
    this.#buffersEvery = hasStatistics(state) ? defaultBuffersEvery(ratio) : Infinity;
  }

  get state(): ModelState {
    return this.#deployed.state;
  }

  recalibrated(samples: number): Promise<ModelState | null> {
    return recalibratedState(this.state, this.#source, samples);
  }

  async follow(trained: ModelState, samples: number): Promise<void> {
    const { clock } = this.#source;
    const deployed = this.#deployed;
    const startMs = clock.monotonicMs();
    const change = this.#sparsifier.select(trained, deployed.state);
    if (change.indices.length === 0) return;
    const isDue = (deployed.version + 1) % this.#buffersEvery === 0;
    const buffers = isDue ? await statisticsUnder(deployed, change, this.#source, samples) : [];
    this.selectSeconds += (clock.monotonicMs() - startMs) / 1_000;
    const { update, bytes, encodeSeconds } = weighUpdate(deployed, { ...change, buffers }, clock);
    this.encodeSeconds += encodeSeconds;
    this.updates.made(change.indices.length);
    this.updates.weighed(bytes);
    const before = Float32Array.from(change.indices, (at) => deployed.state.parameters[at] ?? 0);
    deployed.apply(update);
    this.updates.changed(changedOf(change.indices, before, deployed.state.parameters));
  }
}

/** A copy of a state, with the statistics of BatchNormalization that belong to its weights now. */
export async function recalibratedState(
  state: ModelState,
  source: CopySource,
  samples: number,
): Promise<ModelState | null> {
  if (!hasStatistics(state)) return null;
  const copy = new DeployedState(cloneState(state, { shared: true }), 0);
  const buffers = await statisticsUnder(copy, NO_CHANGE, source, samples, RECALIBRATION_BATCHES);
  copy.apply(copy.updateFor({ ...NO_CHANGE, buffers }));
  return copy.state;
}

/** Whether a model has BatchNormalization. */
export function hasStatistics({ layout }: ModelState): boolean {
  return layout.tensors.some(({ role }) => role === "buffer");
}

/** The statistics of BatchNormalization that belong to a deployed state once `change` is made. */
export function statisticsUnder(
  deployed: DeployedState,
  change: StateChange,
  { session, history, experiment, seed }: CopySource,
  samples: number,
  batches?: number,
): ReturnType<typeof estimateBuffers> {
  const { preprocessing, batchSize } = experiment;
  // Only its seed counts: which samples they are follows from the version.
  const sampler = uniformSampler(new Random(seed, streamOf("running statistics")));
  const buffers = batches === undefined ? {} : { batches };
  const source = { session, history, preprocessing, batchSize, sampler, deployed, buffers };
  return estimateBuffers(source, change, samples);
}

/** As the product deploys: over all parameters together, values as float16. */
function sparsifierSpecOf(compression: Compression): SparsifierSpec {
  switch (compression.selector) {
    case "topK":
      return { kind: "topK", scope: "global", ...shared(compression.ratio) };
    case "randomK":
      return { kind: "randomK", unbiased: false, ...shared(compression.ratio) };
    case "qsgd":
      return { kind: "qsgd", bits: compression.bits, unbiased: false };
    default:
      return compression satisfies never;
  }
}

function shared(ratio: number): {
  readonly amount: { readonly kind: "ratio"; readonly ratio: number };
  readonly valueType: "float16";
} {
  return { amount: { kind: "ratio", ratio }, valueType: "float16" };
}
