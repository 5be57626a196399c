import { DriftCheckpointError, LearnOptionError, ResumeMismatchError } from "../../errors.ts";
import { isotonicRegression } from "./isotonic.ts";
import type { SignalCheckpoint } from "../signal.ts";

const KIND = "confidenceCalibration";

/** Options of {@link ConfidenceCalibration}. */
export interface ConfidenceCalibrationOptions {
  /** Bins of the confidence, 1 or more. @default 20 */
  readonly bins?: number;
  /** Labelled predictions that the confidence itself counts as in each bin; above 0. @default 10 */
  readonly prior?: number;
  /**
   * Whether more confidence never counts as worth less: neighbouring bins where it would are pooled
   * (isotonic regression), each bin then having one estimate. @default false
   */
  readonly isotonic?: boolean;
}

/** An accuracy that labels have not confirmed. */
export interface EstimatedAccuracy {
  /** 0 to 1. */
  readonly accuracy: number;
  /** Ends of the interval that it is in, 0 to 1. */
  readonly low: number;
  readonly high: number;
  /** Predictions that it is estimated for. */
  readonly predictions: number;
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
  readonly #isotonic: boolean;
  readonly #hits: Float64Array;
  readonly #labels: Float64Array;
  /** Estimates that never fall, where asked for; null where they have to be found again. */
  #rising: Float64Array | null = null;
  #ignored = 0;

  /** @throws LearnOptionError for a number that is out of its range */
  constructor({ bins = 20, prior = 10, isotonic = false }: ConfidenceCalibrationOptions = {}) {
    if (!Number.isSafeInteger(bins) || bins < 1 || bins > 10_000) {
      throw new LearnOptionError("bins", bins, "a whole number from 1 to 10000");
    }
    if (!(prior > 0 && Number.isFinite(prior))) {
      throw new LearnOptionError("prior", prior, "a finite number above 0");
    }
    this.#prior = prior;
    this.#isotonic = isotonic;
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
    this.#rising = null;
  }

  /** The chance that a prediction with such a confidence is wrong; NaN for no confidence at all. */
  expectedError(confidence: number): number {
    if (!(confidence >= 0 && confidence <= 1)) return NaN;
    const bin = this.#binOf(confidence);
    if (this.#isotonic) return 1 - (this.#risingRates()[bin] ?? NaN);
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

  /**
   * The same with an interval: what the hits of the predictions scatter by when each is right with its
   * own chance, and what the chances are uncertain by, because each bin has only so many labels. With
   * n predictions in a bin, A = labels + prior and r their mean chance (beta-binomial):
   *
   *   Var(hits) = Σ n r (1 − r) (A + n) / (A + 1)
   *
   * Predictions whose errors come in bursts scatter by more.
   * @param deviations half its width: 1.96 holds the accuracy in 95 of 100 cases
   * @returns null without any confidence from 0 to 1
   */
  accuracyOf(confidences: ArrayLike<number>, deviations = 1.96): EstimatedAccuracy | null {
    const bins = this.#hits.length;
    const [counts, chances] = [new Float64Array(bins), new Float64Array(bins)];
    let [predictions, expected, variance] = [0, 0, 0];
    for (let i = 0; i < confidences.length; i++) {
      const confidence = confidences[i] ?? NaN;
      const chance = 1 - this.expectedError(confidence);
      if (Number.isNaN(chance)) continue;
      const bin = this.#binOf(confidence);
      counts[bin] = (counts[bin] ?? 0) + 1;
      chances[bin] = (chances[bin] ?? 0) + chance;
      expected += chance;
      predictions++;
    }
    if (predictions === 0) return null;
    for (let bin = 0; bin < bins; bin++) {
      const n = counts[bin] ?? 0;
      if (n === 0) continue;
      const r = (chances[bin] ?? 0) / n;
      const known = (this.#labels[bin] ?? 0) + this.#prior;
      variance += (n * r * (1 - r) * (known + n)) / (known + 1);
    }
    const accuracy = expected / predictions;
    const half = (deviations * Math.sqrt(Math.max(0, variance))) / predictions;
    const [low, high] = [Math.max(0, accuracy - half), Math.min(1, accuracy + half)];
    return { accuracy, low, high, predictions };
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
    this.#rising = null;
  }

  #risingRates(): Float64Array {
    if (this.#rising !== null) return this.#rising;
    const weights = this.#labels.map((labels) => labels + this.#prior);
    const rates = this.#hits.map((hits, bin) => {
      const middle = (bin + 0.5) / this.#hits.length;
      return (hits + this.#prior * middle) / (weights[bin] ?? NaN);
    });
    this.#rising = isotonicRegression(rates, weights);
    return this.#rising;
  }

  #binOf(confidence: number): number {
    return Math.min(this.#hits.length - 1, Math.floor(confidence * this.#hits.length));
  }
}
