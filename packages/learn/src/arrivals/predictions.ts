import type { Features, ModelState } from "@everfresh/core";
import { inputsUnder } from "../preprocessing/inputs-under.ts";
import type { ArrivalsOptions } from "./arrivals-options.ts";

/** Samples predicted at once: enough to keep the runtime busy, few enough to stay in its caches. */
const PREDICTED_AT_ONCE = 256;

/** What is predicted for. */
interface Predicted {
  readonly features: Features;
}

/** What is known of samples when they have been predicted, for each of them. */
export interface Predictions {
  /** Logits of all states one after another. */
  readonly outputs: readonly Float32Array[];
  /** The sample as every state takes it; none of them where states take it differently. */
  readonly inputs: readonly Float32Array[];
}

/**
 * The logits of every sample under the trained, the deployed, where it is evaluated the frozen and,
 * where drift is watched, the pinned state, one after another, in one array per sample. Each state
 * predicts what its own statistics make of the sample. Where the pinned state is not asked, there are
 * no numbers of it: NaN.
 * @param first number of the first sample among all
 */
export async function predictionsOf(
  samples: readonly Predicted[],
  options: Pick<ArrivalsOptions, "session" | "preprocessor" | "evaluation" | "states" | "drift">,
  first: number,
): Promise<Predictions> {
  const { trained, deployed } = options.states();
  const { evaluation, drift } = options;
  const { frozen, classes } = evaluation;
  const states = [trained, deployed, ...(frozen === null ? [] : [frozen])];
  const outputs: Float32Array[] = [];
  const inputs: Float32Array[] = [];
  for (let at = 0; at < samples.length; at += PREDICTED_AT_ONCE) {
    const some = samples.slice(at, at + PREDICTED_AT_ONCE);
    const asked = [...some.keys()].filter((i) => drift?.asksPinned(first + at + i) ?? false);
    const pinned = drift === undefined || asked.length === 0 ? null : drift.pinned;
    const isAll = asked.length === some.length && pinned !== null;
    const [known, others] = await Promise.all([
      logitsOf(some, isAll ? [...states, pinned] : states, options),
      isAll || pinned === null
        ? null
        : logitsOf(asked.map((i) => some[i]).filter(isSample), [pinned], options),
    ]);
    inputs.push(...known.inputs);
    if (isAll || drift === undefined) outputs.push(...known.outputs);
    else {
      const pinnedAt = new Map(asked.map((i, place) => [i, others?.outputs[place]]));
      outputs.push(...known.outputs.map((own, i) => joined(own, pinnedAt.get(i), classes)));
    }
  }
  return { outputs, inputs };
}

/** Logits with those of the pinned state behind them. */
function joined(
  own: Float32Array,
  pinned: Float32Array | undefined,
  classes: number,
): Float32Array {
  const outputs = new Float32Array(own.length + classes).fill(NaN);
  outputs.set(own);
  if (pinned !== undefined) outputs.set(pinned, own.length);
  return outputs;
}

function isSample(sample: Predicted | undefined): sample is Predicted {
  return sample !== undefined;
}

async function logitsOf(
  samples: readonly Predicted[],
  states: readonly ModelState[],
  { session, preprocessor }: Pick<ArrivalsOptions, "session" | "preprocessor">,
): Promise<Predictions> {
  const size = samples.length;
  const inputs = inputsUnder(states, samples, preprocessor);
  // While a retraining runs, what is trained counts as what is deployed: asked once.
  const asked = new Map<ModelState, Promise<Float32Array>>();
  states.forEach((state, i) => {
    const own = inputs[i] ?? new Float32Array(0);
    if (!asked.has(state)) asked.set(state, session.predict(state, own, size));
  });
  const logits: (Float32Array | undefined)[] = [];
  for (const state of states) logits.push(await asked.get(state));
  const count = (logits[0]?.length ?? 0) / size;
  const outputs = samples.map((_, i) => {
    const own = new Float32Array(states.length * count);
    logits.forEach((rows, state) => {
      if (rows !== undefined) own.set(rows.subarray(i * count, (i + 1) * count), state * count);
    });
    return own;
  });
  const length = (inputs[0]?.length ?? 0) / size;
  const isAlike = preprocessor.statistics.length === 0;
  return {
    outputs,
    inputs: isAlike
      ? samples.flatMap((_, i) => inputs[0]?.subarray(i * length, (i + 1) * length) ?? [])
      : [],
  };
}
