import { assert } from "@everfresh/core";
import { EvaluationCheckpointError } from "../errors.ts";
import {
  type ClassObservation,
  classRow,
  type ClassScores,
  classStatistics,
} from "./class-statistics.ts";
import {
  type CompleteEvaluationSpec,
  completeEvaluationSpec,
  type EvaluationSpec,
} from "./evaluation-spec.ts";
import { cumulative, fading, type Horizon, windowed } from "./horizons.ts";
import {
  type NumberObservation,
  numberRow,
  type NumberScores,
  numberStatistics,
} from "./number-statistics.ts";
import type { Statistics } from "./statistics.ts";

/** Scores of one state on the samples so far. */
export interface EvaluationScores<Scores> {
  /** Samples recorded. */
  readonly samples: number;
  /** Over all samples. */
  readonly cumulative: Scores;
  /** Over the newest ones. */
  readonly window: Scores;
  /** Over all, the older the less. */
  readonly fading: Scores;
}

/**
 * Prequential evaluation of one state: each sample is predicted before it is trained on, and scored
 * when its label is there. Takes bounded memory: sums, and the newest samples' predictions.
 */
export interface Evaluation<Observation, Scores> {
  /** Takes the next sample in. @param weight of 0 or more, 1 by default */
  record(observation: Observation, weight?: number): void;
  /** The scores so far; O(window). */
  scores(): EvaluationScores<Scores>;
  /** All that it remembers, exactly. */
  checkpoint(): Uint8Array;
}

/** Marks the format of a checkpoint. */
const FORMAT = 1;
/** Numbers before those of the horizons. */
const HEADER = 7;

/**
 * Evaluates predictions of classes.
 * @throws LearnOptionError for a number of the specification that is out of its range
 * @throws EvaluationCheckpointError when the checkpoint is damaged or of another specification
 */
export function classEvaluation(
  spec: EvaluationSpec & { readonly target: { readonly kind: "classes" } },
  checkpoint?: Uint8Array,
): Evaluation<ClassObservation, ClassScores> {
  const { count } = spec.target;
  const complete = completeEvaluationSpec(spec);
  const statistics = classStatistics(count, complete.calibrationBins);
  return new HorizonEvaluation({
    statistics,
    spec: complete,
    classes: count,
    checkpoint,
    rowOf: (observation: ClassObservation, weight) => {
      const { label, probabilities } = observation;
      assert(probabilities.length === count, `${probabilities.length} probabilities of ${count}`);
      assert(Number.isSafeInteger(label) && label >= 0 && label < count, `label ${label}`);
      return classRow(observation, weight);
    },
  });
}

/**
 * Evaluates predictions of numbers.
 * @throws LearnOptionError for a number of the specification that is out of its range
 * @throws EvaluationCheckpointError when the checkpoint is damaged or of another specification
 */
export function numberEvaluation(
  spec: EvaluationSpec & { readonly target: { readonly kind: "number" } },
  checkpoint?: Uint8Array,
): Evaluation<NumberObservation, NumberScores> {
  return new HorizonEvaluation({
    statistics: numberStatistics(),
    spec: completeEvaluationSpec(spec),
    classes: 0,
    checkpoint,
    rowOf: numberRow,
  });
}

/** What a {@link HorizonEvaluation} is made of. */
interface Parts<Observation, Scores> {
  readonly statistics: Statistics<Scores>;
  readonly spec: CompleteEvaluationSpec;
  readonly classes: number;
  readonly rowOf: (observation: Observation, weight: number) => Float64Array;
  readonly checkpoint: Uint8Array | undefined;
}

class HorizonEvaluation<Observation, Scores> implements Evaluation<Observation, Scores> {
  readonly #parts: Parts<Observation, Scores>;
  readonly #cumulative: Horizon<Scores>;
  readonly #window: Horizon<Scores>;
  readonly #fading: Horizon<Scores>;
  #samples = 0;

  constructor(parts: Parts<Observation, Scores>) {
    const { statistics, spec } = parts;
    this.#parts = parts;
    this.#cumulative = cumulative(statistics);
    this.#window = windowed(statistics, spec.windowSamples);
    this.#fading = fading(statistics, spec.fadingFactor);
    if (parts.checkpoint !== undefined) this.#restore(parts.checkpoint);
  }

  record(observation: Observation, weight = 1): void {
    assert(weight >= 0 && Number.isFinite(weight), `weight ${weight}`);
    const row = this.#parts.rowOf(observation, weight);
    this.#cumulative.record(row);
    this.#window.record(row);
    this.#fading.record(row);
    this.#samples++;
  }

  scores(): EvaluationScores<Scores> {
    return {
      samples: this.#samples,
      cumulative: this.#cumulative.scores(),
      window: this.#window.scores(),
      fading: this.#fading.scores(),
    };
  }

  checkpoint(): Uint8Array {
    const numbers = [
      ...this.#header(),
      this.#samples,
      ...this.#cumulative.numbers(),
      ...this.#fading.numbers(),
      ...this.#window.numbers(),
    ];
    const bytes = new Uint8Array(8 * numbers.length);
    const view = new DataView(bytes.buffer);
    numbers.forEach((value, i) => view.setFloat64(8 * i, value, true));
    return bytes;
  }

  #header(): readonly number[] {
    const { spec, classes, statistics } = this.#parts;
    const { windowSamples, fadingFactor, calibrationBins } = spec;
    return [FORMAT, classes, statistics.size, windowSamples, fadingFactor, calibrationBins];
  }

  #restore(bytes: Uint8Array): void {
    const count = Math.floor(bytes.length / 8);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const numbers = Float64Array.from({ length: count }, (_, i) => view.getFloat64(8 * i, true));
    const cumulativeAt = HEADER;
    const fadingAt = cumulativeAt + this.#cumulative.length;
    const windowAt = fadingAt + this.#fading.length;
    if (this.#header().some((value, i) => numbers[i] !== value)) {
      throw new EvaluationCheckpointError("it is that of another specification");
    }
    const samples = numbers[HEADER - 1] ?? 0;
    const { rowLength } = this.#parts.statistics;
    const rows = Math.min(samples, this.#parts.spec.windowSamples);
    if (bytes.length !== 8 * (windowAt + rows * rowLength)) {
      throw new EvaluationCheckpointError(`it has ${bytes.length} bytes`);
    }
    this.#samples = samples;
    this.#cumulative.remember(numbers.subarray(cumulativeAt, fadingAt));
    this.#fading.remember(numbers.subarray(fadingAt, windowAt));
    this.#window.remember(numbers.subarray(windowAt));
  }
}
