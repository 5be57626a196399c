import { DriftCheckpointError, LearnOptionError, ResumeMismatchError } from "../../errors.ts";
import {
  ConfidenceCalibration,
  type ConfidenceCalibrationOptions,
  type EstimatedAccuracy,
} from "./confidence-calibration.ts";
import type { SignalCheckpoint } from "../signal.ts";

const KIND = "performanceEstimate";
const WINDOW_MAX = 1_000_000;

/** Options of {@link PerformanceEstimate}. */
export interface PerformanceEstimateOptions extends ConfidenceCalibrationOptions {
  /** Predictions without a label that count, the newest. @default 1,000 */
  readonly windowSamples?: number;
}

/**
 * How accurate the newest predictions are whose labels have not come, by what the confidence of those
 * was worth whose labels have:
 *
 *   prediction ──► waits, at most `windowSamples` of them ──► estimate with an interval
 *   its label  ──► calibration learns; it no longer waits
 *
 * Sees at once that samples have become harder, but not that p(y | x) has changed. Of one version of a
 * model: begin anew, or accept that it follows with the labels, where another one predicts.
 */
export class PerformanceEstimate {
  readonly #windowSamples: number;
  readonly #calibration: ConfidenceCalibration;
  /** Confidence of predictions without a label by their sequence, the oldest first. */
  readonly #waiting = new Map<number, number>();

  /** @throws LearnOptionError for a number that is out of its range */
  constructor({ windowSamples = 1_000, ...calibration }: PerformanceEstimateOptions = {}) {
    if (!(
      Number.isSafeInteger(windowSamples) &&
      windowSamples >= 1 &&
      windowSamples <= WINDOW_MAX
    )) {
      throw new LearnOptionError("windowSamples", windowSamples, `whole, from 1 to ${WINDOW_MAX}`);
    }
    this.#windowSamples = windowSamples;
    this.#calibration = new ConfidenceCalibration(calibration);
  }

  /** Predictions that were taken in and whose label is awaited. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Takes a prediction in: its largest probability. What is none is not counted. */
  predicted(sequence: number, confidence: number): void {
    if (!(confidence >= 0 && confidence <= 1)) return;
    this.#waiting.set(sequence, confidence);
    if (this.#waiting.size <= this.#windowSamples) return;
    for (const oldest of this.#waiting.keys()) {
      this.#waiting.delete(oldest);
      break;
    }
  }

  /** Takes a label in, of whichever prediction: the confidence it had, and whether it was right. */
  labelled(sequence: number, confidence: number, isRight: boolean): void {
    this.#waiting.delete(sequence);
    this.#calibration.learn(confidence, isRight);
  }

  /** The chance that a prediction with such a confidence is wrong; NaN for no confidence at all. */
  expectedError(confidence: number): number {
    return this.#calibration.expectedError(confidence);
  }

  /** The estimate; null where no prediction waits. See {@link ConfidenceCalibration.accuracyOf}. */
  estimate(deviations?: number): EstimatedAccuracy | null {
    return this.#calibration.accuracyOf([...this.#waiting.values()], deviations);
  }

  /** All that it remembers, as plain data. */
  checkpoint(): SignalCheckpoint {
    const waiting = [...this.#waiting].flat();
    return {
      kind: KIND,
      numbers: [waiting.length, ...waiting, ...this.#calibration.checkpoint().numbers],
    };
  }

  /**
   * Goes back to a checkpoint.
   * @throws ResumeMismatchError when it is of another kind
   * @throws DriftCheckpointError when it is damaged, or of one with other options
   */
  restore({ kind, numbers }: SignalCheckpoint): void {
    if (kind !== KIND) throw new ResumeMismatchError("the kind of signal", kind, KIND);
    const [length = -1] = numbers;
    const isWhole = Number.isSafeInteger(length) && length >= 0 && length % 2 === 0;
    if (!isWhole || length / 2 > this.#windowSamples || !numbers.every(Number.isFinite)) {
      throw new DriftCheckpointError(kind, `${length} numbers of predictions`);
    }
    const { kind: inner } = this.#calibration.checkpoint();
    this.#calibration.restore({ kind: inner, numbers: numbers.slice(1 + length) });
    this.#waiting.clear();
    for (let i = 1; i < 1 + length; i += 2) {
      this.#waiting.set(numbers[i] ?? NaN, numbers[i + 1] ?? NaN);
    }
  }
}
