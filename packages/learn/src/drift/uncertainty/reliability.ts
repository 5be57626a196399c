import { DriftCheckpointError, LearnOptionError, ResumeMismatchError } from "../../errors.ts";
import type { SignalCheckpoint } from "../signal.ts";

const KIND = "reliability";
/** Half the width of the intervals of {@link ReliabilityBin}, in standard deviations: 95 of 100. */
const DEVIATIONS = 1.96;
const BINS_MAX = 1_000;

/** What became of predictions with about the same probability. */
export interface ReliabilityBin {
  /** Probabilities from here to below {@link to}; the last bin has 1 in it. */
  readonly from: number;
  readonly to: number;
  /** Predictions in it. */
  readonly count: number;
  /** Mean of their probabilities; null without any. */
  readonly predicted: number | null;
  /** How many of them came true, 0 to 1; null without any. */
  readonly observed: number | null;
  /** Wilson's interval of that at 95 %; null without any. */
  readonly low: number | null;
  readonly high: number | null;
}

/** How good probabilities are; null without any prediction. */
export interface ReliabilityScores {
  readonly count: number;
  /** Mean of (p − outcome)²: 0 is perfect (Brier, 1950). */
  readonly brier: number | null;
  /** 1 − brier / (r (1 − r)), r being how often events come true: 0 is as good as always saying r. */
  readonly brierSkill: number | null;
  /** Σ over bins of count · |observed − predicted| / count of all: ECE. */
  readonly calibrationError: number | null;
}

/**
 * Whether probabilities of events mean what they say: of a model that its answer is right, or of a
 * monitor that there is a drift.
 */
export class Reliability {
  readonly #counts: Float64Array;
  readonly #hits: Float64Array;
  readonly #sums: Float64Array;
  #squares = 0;
  #ignored = 0;

  /** @throws LearnOptionError for a number of bins that is not whole and from 1 to 1,000 */
  constructor({ bins = 10 }: { readonly bins?: number } = {}) {
    if (!Number.isSafeInteger(bins) || bins < 1 || bins > BINS_MAX) {
      throw new LearnOptionError("bins", bins, `a whole number from 1 to ${BINS_MAX}`);
    }
    this.#counts = new Float64Array(bins);
    this.#hits = new Float64Array(bins);
    this.#sums = new Float64Array(bins);
  }

  /** Predictions whose probability was no number from 0 to 1. */
  get ignored(): number {
    return this.#ignored;
  }

  /** Takes in what was predicted and what became of it. */
  add(probability: number, isTrue: boolean): void {
    if (!(probability >= 0 && probability <= 1)) {
      this.#ignored++;
      return;
    }
    const bins = this.#counts.length;
    const bin = Math.min(bins - 1, Math.floor(probability * bins));
    this.#counts[bin] = (this.#counts[bin] ?? 0) + 1;
    this.#sums[bin] = (this.#sums[bin] ?? 0) + probability;
    if (isTrue) this.#hits[bin] = (this.#hits[bin] ?? 0) + 1;
    this.#squares += (probability - (isTrue ? 1 : 0)) ** 2;
  }

  /** The bins, from 0 to 1: a reliability plot. */
  table(): readonly ReliabilityBin[] {
    const bins = this.#counts.length;
    return Array.from(this.#counts, (count, bin) => {
      const ends = { from: bin / bins, to: (bin + 1) / bins, count };
      if (count === 0) return { ...ends, predicted: null, observed: null, low: null, high: null };
      const observed = (this.#hits[bin] ?? 0) / count;
      const predicted = (this.#sums[bin] ?? 0) / count;
      return { ...ends, predicted, observed, ...wilson(observed, count) };
    });
  }

  /** All of them together. */
  scores(): ReliabilityScores {
    const count = sum(this.#counts);
    if (count === 0) return { count, brier: null, brierSkill: null, calibrationError: null };
    const brier = this.#squares / count;
    const rate = sum(this.#hits) / count;
    const ofRate = rate * (1 - rate);
    const gaps = this.#hits.map((hits, bin) => Math.abs(hits - (this.#sums[bin] ?? 0)));
    return {
      count,
      brier,
      brierSkill: ofRate === 0 ? null : 1 - brier / ofRate,
      calibrationError: sum(gaps) / count,
    };
  }

  /** All that it has taken in, as plain data. */
  checkpoint(): SignalCheckpoint {
    const bins = [...this.#counts, ...this.#hits, ...this.#sums];
    return { kind: KIND, numbers: [this.#ignored, this.#squares, ...bins] };
  }

  /**
   * Goes back to a checkpoint.
   * @throws ResumeMismatchError when it is of another kind
   * @throws DriftCheckpointError when it is damaged, or of one with other bins
   */
  restore({ kind, numbers }: SignalCheckpoint): void {
    if (kind !== KIND) throw new ResumeMismatchError("the kind of signal", kind, KIND);
    const bins = this.#counts.length;
    if (numbers.length !== 2 + 3 * bins || !numbers.every(Number.isFinite)) {
      throw new DriftCheckpointError(kind, `${numbers.length} numbers do not fit its options`);
    }
    [this.#ignored = 0, this.#squares = 0] = numbers;
    const parts = [this.#counts, this.#hits, this.#sums];
    parts.forEach((part, i) => part.set(numbers.slice(2 + i * bins, 2 + (i + 1) * bins)));
  }
}

/** Σ over the classes of (p − [it is the label])²: 0 is perfect, 2 the worst. NaN for no such class. */
export function brierScore(probabilities: ArrayLike<number>, label: number): number {
  if (!(label >= 0 && label < probabilities.length)) return NaN;
  let score = 0;
  for (let c = 0; c < probabilities.length; c++) {
    score += ((probabilities[c] ?? NaN) - (c === label ? 1 : 0)) ** 2;
  }
  return score;
}

/** (p + z² / 2n ± z √(p (1 − p) / n + z² / 4n²)) / (1 + z² / n)   (Wilson, 1927) */
function wilson(p: number, n: number): { readonly low: number; readonly high: number } {
  const z2 = DEVIATIONS * DEVIATIONS;
  const middle = p + z2 / (2 * n);
  const half = DEVIATIONS * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n));
  const whole = 1 + z2 / n;
  return { low: Math.max(0, (middle - half) / whole), high: Math.min(1, (middle + half) / whole) };
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
