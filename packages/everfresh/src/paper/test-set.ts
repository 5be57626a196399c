import { fingerprintOf, type ModelState, type Preprocessing, type Sample } from "@everfresh/core";
import { inferenceGraph, type Model, openInference, type TrainingBatch } from "@everfresh/engine";
import { assembleBatch, outcomesOf, type Predictor } from "@everfresh/learn";

/** Samples per prediction: enough to keep the runtime busy. */
const BATCH = 500;

/** What predicts: the session, or a session of its own where that is several times faster. */
export interface TestedModel {
  readonly model: Model;
  readonly session: Predictor;
}

/** Samples that are never trained on, ready for the model. */
export class TestSet {
  readonly #batches: readonly TrainingBatch[];

  constructor(samples: readonly Sample[], preprocessing: Preprocessing) {
    this.#batches = Array.from({ length: Math.ceil(samples.length / BATCH) }, (_, i) =>
      assembleBatch(preprocessing, samples.slice(i * BATCH, (i + 1) * BATCH)),
    );
  }

  /**
   * The share of them, from 0 to 1, that the model classifies correctly in this state.
   * @param samples at least so many of them, from the first on
   */
  async accuracy(
    { model, session }: TestedModel,
    state: ModelState,
    samples: number = Infinity,
  ): Promise<number> {
    const batches = this.#batches.slice(0, Math.ceil(samples / BATCH));
    const hasBuffers = state.layout.tensors.some(({ role }) => role === "buffer");
    if (!hasBuffers) return shareOf(session, state, batches);
    // Networks with BatchNormalization are slow where weights are no constants.
    const initial = { state, version: 0, fingerprint: fingerprintOf(state) };
    await using serving = await openInference(inferenceGraph(model), initial, { mode: "bake" });
    const predictor: Predictor = {
      predict: async (_state, inputs, size) => (await serving.predict(inputs, size)).outputs,
    };
    return await shareOf(predictor, state, batches);
  }
}

async function shareOf(
  predictor: Predictor,
  state: ModelState,
  batches: readonly TrainingBatch[],
): Promise<number> {
  let [correct, total] = [0, 0];
  for (const batch of batches) {
    const outcomes = await outcomesOf(predictor, state, batch);
    correct += outcomes.filter(Boolean).length;
    total += outcomes.length;
  }
  return correct / total;
}
