import { DriftCheckpointError, LearnOptionError, ResumeMismatchError } from "../errors.ts";
import type { SignalCheckpoint } from "./signal.ts";

const KIND = "confidenceCalibration";

/** Options of {@link ConfidenceCalibration}. */
export interface ConfidenceCalibrationOptions {
  /** Bins of the confidence, 1 or more. @default 20 */
  readonly bins?: number;
  /** Labelled predictions that the confidence itself counts as in each bin; above 0. @default 10 */
  readonly prior?: number;
}

/**
 * What a model's confidence is worth: how often predictions with such a confidence were right. The
 * mean over predictions without labels is an estimate of their accuracy (confidence-based performance
 * estimation, as NannyML's CBPE). It holds while p(y | x) stays as it was: a changed concept it cannot
 * see.
 *
 *   estimate(c) = (hits of the bin + prior · c) / (labels of the bin + prior)
 */
export class ConfidenceCalibration {
  readonly #prior: number;
  readonly #hits: Float64Array;
  readonly #labels: Float64Array;
  #ignored = 0;

  /** @throws LearnOptionError for a number that is out of its range */
  constructor({ bins = 20, prior = 10 }: ConfidenceCalibrationOptions = {}) {
    if (!Number.isSafeInteger(bins) || bins < 1 || bins > 10_000) {
      throw new LearnOptionError("bins", bins, "a whole number from 1 to 10000");
    }
    if (!(prior > 0 && Number.isFinite(prior))) {
      throw new LearnOptionError("prior", prior, "a finite number above 0");
    }
    this.#prior = prior;
    this.#hits = new Float64Array(bins);
    this.#labels = new Float64Array(bins);
  }

  /** Predictions whose confidence was no number from 0 to 1. */
  get ignored(): number {
    return this.#ignored;
  }

  /** Learns from a labelled prediction: its largest probability, and whether it was right. */
  learn(confidence: number, isRight: boolean): void {
    if (!(confidence >= 0 && confidence <= 1)) {
      this.#ignored++;
      return;
    }
    const bin = this.#binOf(confidence);
    this.#labels[bin] = (this.#labels[bin] ?? 0) + 1;
    if (isRight) this.#hits[bin] = (this.#hits[bin] ?? 0) + 1;
  }

  /** The chance that a prediction with such a confidence is wrong; NaN for no confidence at all. */
  expectedError(confidence: number): number {
    if (!(confidence >= 0 && confidence <= 1)) return NaN;
    const bin = this.#binOf(confidence);
    const hits = (this.#hits[bin] ?? 0) + this.#prior * confidence;
    return 1 - hits / ((this.#labels[bin] ?? 0) + this.#prior);
  }

  /** The accuracy that predictions with these confidences are expected to have; NaN without any. */
  estimatedAccuracy(confidences: ArrayLike<number>): number {
    let [sum, count] = [0, 0];
    for (let i = 0; i < confidences.length; i++) {
      const error = this.expectedError(confidences[i] ?? NaN);
      if (Number.isNaN(error)) continue;
      sum += 1 - error;
      count++;
    }
    return count === 0 ? NaN : sum / count;
  }

  /** All that it has learned, as plain data. */
  checkpoint(): SignalCheckpoint {
    return { kind: KIND, numbers: [this.#ignored, ...this.#hits, ...this.#labels] };
  }

  /**
   * Goes back to a checkpoint.
   * @throws ResumeMismatchError when it is of another kind
   * @throws DriftCheckpointError when it is damaged, or of one with other bins
   */
  restore({ kind, numbers }: SignalCheckpoint): void {
    if (kind !== KIND) throw new ResumeMismatchError("the kind of signal", kind, KIND);
    const bins = this.#hits.length;
    if (numbers.length !== 1 + 2 * bins || !numbers.every(Number.isFinite)) {
      throw new DriftCheckpointError(kind, `${numbers.length} numbers do not fit its options`);
    }
    this.#ignored = numbers[0] ?? 0;
    this.#hits.set(numbers.slice(1, 1 + bins));
    this.#labels.set(numbers.slice(1 + bins));
  }

  #binOf(confidence: number): number {
    return Math.min(this.#hits.length - 1, Math.floor(confidence * this.#hits.length));
  }
}
