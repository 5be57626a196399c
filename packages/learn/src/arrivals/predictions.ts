import type { ModelState, Sample } from "@everfresh/core";
import { assembleBatch } from "../batch.ts";
import type { ArrivalsOptions } from "./arrivals-options.ts";

/** Samples predicted at once: enough to keep the runtime busy, few enough to stay in its caches. */
const PREDICTED_AT_ONCE = 256;

/**
 * The logits of every sample under the trained, the deployed, where it is evaluated the frozen and,
 * where drift is watched, the pinned state, one after another, in one array per sample.
 */
export async function predictionsOf(
  samples: readonly Sample[],
  options: Pick<ArrivalsOptions, "session" | "preprocessing" | "evaluation" | "states" | "drift">,
): Promise<readonly Float32Array[]> {
  const { trained, deployed } = options.states();
  const { frozen } = options.evaluation;
  const { pinned } = options.drift ?? {};
  const also = [...(frozen === null ? [] : [frozen]), ...(pinned === undefined ? [] : [pinned])];
  const states = [trained, deployed, ...also];
  const outputs: Float32Array[] = [];
  for (let at = 0; at < samples.length; at += PREDICTED_AT_ONCE) {
    outputs.push(...(await logitsOf(samples.slice(at, at + PREDICTED_AT_ONCE), states, options)));
  }
  return outputs;
}

async function logitsOf(
  samples: readonly Sample[],
  states: readonly ModelState[],
  { session, preprocessing }: Pick<ArrivalsOptions, "session" | "preprocessing">,
): Promise<readonly Float32Array[]> {
  const { inputs, size } = assembleBatch(preprocessing, samples);
  // While a retraining runs, what is trained counts as what is deployed: asked once.
  const asked = new Map<ModelState, Promise<Float32Array>>();
  for (const state of states) {
    if (!asked.has(state)) asked.set(state, session.predict(state, inputs, size));
  }
  const logits: (Float32Array | undefined)[] = [];
  for (const state of states) logits.push(await asked.get(state));
  const count = (logits[0]?.length ?? 0) / size;
  return samples.map((_, i) => {
    const outputs = new Float32Array(states.length * count);
    logits.forEach((rows, state) => {
      if (rows !== undefined) outputs.set(rows.subarray(i * count, (i + 1) * count), state * count);
    });
    return outputs;
  });
}
