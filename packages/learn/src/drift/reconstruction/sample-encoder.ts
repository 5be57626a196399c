import { assert, Random, stateBytes, streamOf } from "@everfresh/core";
import {
  adam,
  autoEncoder,
  type Model,
  type TrainingOptions,
  type TrainingSession,
} from "@everfresh/engine";
import type { CompleteReconstructionSpec } from "./reconstruction-spec.ts";
import { type Rows, type Scaling, scalingOf } from "../two-sample/rows.ts";
import { reconstructionError } from "../uncertainty/uncertainty.ts";

/** Opens training sessions: `openTrainingSession` of the engine, or that of its entry for pages. */
export type OpenSession = (model: Model, options: TrainingOptions) => Promise<EncoderSession>;

/** What of a training session an encoder works with. */
export type EncoderSession = Pick<TrainingSession, "state" | "step" | "predict"> & AsyncDisposable;

/** An encoder as bytes: the samples' scale, and the weights. */
export interface EncoderBytes {
  /** Means and then deviations, float64 numbers. */
  readonly scaling: Uint8Array;
  readonly state: Uint8Array;
}

/** How an encoder is made. */
interface EncoderOptions {
  readonly features: number;
  readonly spec: CompleteReconstructionSpec;
  readonly open: OpenSession;
}

/** Values farther from the mean than so many deviations count as that: one row is not everything. */
const DEVIATIONS_MAX = 8;

/** An auto-encoder that has learned what samples look like, and learns no more. */
export class SampleEncoder implements AsyncDisposable {
  readonly #session: EncoderSession;
  readonly #scaling: Scaling;

  private constructor(session: EncoderSession, scaling: Scaling) {
    this.#session = session;
    this.#scaling = scaling;
  }

  /**
   * Learns the rows of a reference: a fixed number of steps on batches drawn with replacement, so
   * the same rows and `generation` give the same encoder, bit for bit as far as sessions do.
   * @returns null when `signal` was aborted
   */
  static async train(
    reference: Rows,
    options: EncoderOptions & { readonly generation: number; readonly signal: AbortSignal },
  ): Promise<SampleEncoder | null> {
    const { features, spec, generation, signal } = options;
    const session = await openSession(options, generation);
    try {
      const scaling = scalingOf(reference);
      const rows = standardised(reference.data, reference.count, scaling);
      const random = new Random(spec.seed, streamOf(`encoder ${generation}`));
      const { batchSize: size } = spec;
      for (let step = 0; step < spec.steps && !signal.aborted; step++) {
        const inputs = new Float32Array(size * features);
        for (let i = 0; i < size; i++) {
          const from = random.below(reference.count) * features;
          inputs.set(rows.subarray(from, from + features), i * features);
        }
        await session.step({ inputs, targets: inputs, size });
      }
      if (!signal.aborted) return new SampleEncoder(session, scaling);
    } catch (error) {
      await session[Symbol.asyncDispose]();
      throw error;
    }
    await session[Symbol.asyncDispose]();
    return null;
  }

  /** The encoder that {@link bytes} were of. */
  static async restore(
    { scaling, state }: EncoderBytes,
    options: EncoderOptions,
  ): Promise<SampleEncoder> {
    const numbers = new Float64Array(scaling.slice().buffer);
    const [means, deviations] = [
      numbers.slice(0, options.features),
      numbers.slice(options.features),
    ];
    const checkpoint = { state, optimizer: new Uint8Array(0) };
    const session = await openSession(options, 0, { checkpoint });
    return new SampleEncoder(session, { means, deviations });
  }

  /**
   * How badly each row is made again: the mean of (x − x')² over the numbers that it has, each a
   * number of deviations from the mean. NaN for a row without any.
   * @param rows one after another
   */
  async errors(rows: ArrayLike<number>, count: number): Promise<Float64Array> {
    const features = this.#scaling.means.length;
    const inputs = standardised(rows, count, this.#scaling);
    const outputs = await this.#session.predict(this.#session.state, inputs, count);
    return Float64Array.from({ length: count }, (_, row) => {
      const [x, y]: [number[], number[]] = [[], []];
      for (let i = row * features; i < (row + 1) * features; i++) {
        if (!Number.isFinite(rows[i])) continue;
        x.push(inputs[i] ?? NaN);
        y.push(outputs[i] ?? NaN);
      }
      return reconstructionError(x, y);
    });
  }

  /** All that it has learned. */
  bytes(): EncoderBytes {
    const { means, deviations } = this.#scaling;
    const scaling = new Uint8Array(Float64Array.of(...means, ...deviations).buffer);
    return { scaling, state: stateBytes(this.#session.state).slice() };
  }

  /** Ends its session. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session[Symbol.asyncDispose]();
  }
}

function openSession(
  { features, spec, open }: EncoderOptions,
  generation: number,
  more: Pick<TrainingOptions, "checkpoint"> = {},
): Promise<EncoderSession> {
  const { hidden, code, seed, learningRate, batchSize } = spec;
  const sizes = { inputs: features, hidden, ...(code === undefined ? {} : { code }) };
  return open(autoEncoder({ ...sizes, seed: seed + generation }), {
    optimizer: adam({ learningRate }),
    loss: { kind: "meanSquaredError" },
    batchSize,
    // So small a network gains nothing from more.
    plan: { workers: 1, threadsPerWorker: 1 },
    ...more,
  });
}

/** (x − mean) / deviation, at most so large; 0 where it is missing. */
function standardised(
  rows: ArrayLike<number>,
  count: number,
  { means, deviations }: Scaling,
): Float32Array {
  const features = means.length;
  assert(rows.length >= count * features, "rows are whole");
  return Float32Array.from({ length: count * features }, (_, i) => {
    const feature = i % features;
    const x = ((rows[i] ?? NaN) - (means[feature] ?? 0)) / (deviations[feature] ?? 1);
    return Number.isFinite(x) ? Math.max(-DEVIATIONS_MAX, Math.min(DEVIATIONS_MAX, x)) : 0;
  });
}
