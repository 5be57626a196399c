import type { Features } from "@everfresh/core";
import type { Manifest, Replica, ReplicaStatus } from "@everfresh/sync";

import { InputKindError } from "./errors.ts";
import { featuresOf, type ModelInput, packedFeatures } from "./model-input.ts";
import { indexOfMax, softmax } from "./softmax.ts";

/** Samples per run of the model: bounds its memory, and how long an update waits. */
const SAMPLES_PER_RUN_MAX = 1_024;

/** What the model says about one sample. */
export interface ClassPrediction {
  /** Name of the most probable class. */
  readonly label: string;
  /** Index of the most probable class. */
  readonly classIndex: number;
  /** Of every class, in order; they sum to 1. */
  readonly probabilities: Float32Array;
  /** Which version of the model answered. */
  readonly version: number;
}

/** A model in this process that keeps itself up to date. */
export interface Client extends AsyncDisposable {
  /** What the model is: name, classes, input. */
  readonly manifest: Manifest;
  /**
   * The most probable class of one sample: preprocessing as the manifest says, by the statistics of the
   * version that answers, then the model, whose outputs are logits, then softmax.
   * @throws InputKindError for an image where numbers are wanted, and the like
   * @throws ShapeError for a sample of another size
   * @throws ValueRangeError for a missing number that no step of the preprocessing replaces
   * @throws TooManyPredictionsError when too many wait already
   */
  predict(input: ModelInput): Promise<ClassPrediction>;
  /**
   * As {@link Client.predict} for many samples, in their order, faster. Runs of 1,024 samples see
   * one version each.
   * @param samples as for one; or raw features as samples of a source have them: pixels and encoded
   *   rows as Uint8Array, numbers as Float32Array
   */
  predictBatch(samples: readonly (ModelInput | Features)[]): Promise<readonly ClassPrediction[]>;
  /** How it is now. */
  status(): ReplicaStatus;
  /**
   * How it is now, then the newest status at each change of version or phase; ends when disposed.
   */
  states(): AsyncIterable<ReplicaStatus>;
}

/** A client on a replica, which it disposes with itself. */
export class ReplicaClient implements Client {
  readonly #replica: Replica;

  constructor(replica: Replica) {
    this.#replica = replica;
  }

  get manifest(): Manifest {
    return this.#replica.manifest;
  }

  async predict(input: ModelInput): Promise<ClassPrediction> {
    const [prediction] = await this.#run([input]);
    if (prediction === undefined) throw new InputKindError("one sample gave no prediction");
    return prediction;
  }

  async predictBatch(
    samples: readonly (ModelInput | Features)[],
  ): Promise<readonly ClassPrediction[]> {
    const predictions: ClassPrediction[] = [];
    for (let at = 0; at < samples.length; at += SAMPLES_PER_RUN_MAX) {
      predictions.push(...(await this.#run(samples.slice(at, at + SAMPLES_PER_RUN_MAX))));
    }
    return predictions;
  }

  status(): ReplicaStatus {
    return this.#replica.status();
  }

  states(): AsyncIterable<ReplicaStatus> {
    return this.#replica.states();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#replica[Symbol.asyncDispose]();
  }

  async #run(samples: readonly (ModelInput | Features)[]): Promise<readonly ClassPrediction[]> {
    const { preprocessing, target } = this.manifest;
    const each = samples.map((sample) => featuresOf(preprocessing, sample));
    const features = packedFeatures(preprocessing, each);
    const { outputs, version } = await this.#replica.predict(features, samples.length);
    return samples.map((_, i) => {
      const probabilities = softmax(outputs.subarray(i * target.count, (i + 1) * target.count));
      const classIndex = indexOfMax(probabilities);
      const label = target.labels[classIndex] ?? `${classIndex}`;
      return { label, classIndex, probabilities, version };
    });
  }
}
