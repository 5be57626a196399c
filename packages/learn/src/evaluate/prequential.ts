import { assert } from "@everfresh/core";

/** Samples of the windowed accuracy: long enough to be smooth, short enough to show a drift at once. */
export const PREQUENTIAL_WINDOW = 1_000;

/** How well a state did on samples that it had not been trained on. */
export interface Score {
  /** Samples classified correctly. */
  readonly correct: number;
  /** Samples tested. */
  readonly total: number;
  /** `correct / total`; 0 while nothing was tested. */
  readonly accuracy: number;
}

/** A score of all samples of a stream, and of the newest ones. */
export interface PrequentialScore extends Score {
  /** Accuracy over the last {@link PREQUENTIAL_WINDOW} samples, or all while there are fewer. */
  readonly windowAccuracy: number;
}

/** The counters of a {@link Prequential}, as plain data. */
export interface PrequentialCheckpoint {
  readonly correct: number;
  readonly total: number;
  /** One character per sample of the window, oldest first: "1" correct, "0" not. */
  readonly window: string;
}

/**
 * Test-then-train accuracy: each sample is first predicted, then trained on (Gama, Sebastião, Rodrigues:
 * "On evaluating stream learning algorithms", Machine Learning 90, 2013).
 */
export class Prequential {
  readonly #window: Uint8Array;
  #correct = 0;
  #total = 0;
  #windowCorrect = 0;

  /**
   * @param checkpoint counters to go on from
   * @param windowSamples length of the window, 1 or more
   */
  constructor(checkpoint?: PrequentialCheckpoint, windowSamples: number = PREQUENTIAL_WINDOW) {
    assert(Number.isSafeInteger(windowSamples) && windowSamples > 0, `window of ${windowSamples}`);
    this.#window = new Uint8Array(windowSamples);
    if (checkpoint === undefined) return;
    const { window, total, correct } = checkpoint;
    assert(window.length === Math.min(total, windowSamples), "window does not belong to its total");
    this.#total = total - window.length;
    this.record(Array.from(window, (outcome) => outcome === "1"));
    this.#correct = correct;
  }

  /** Counts the outcomes of the next samples, in their order. */
  record(outcomes: readonly boolean[]): void {
    for (const outcome of outcomes) {
      const hit = outcome ? 1 : 0;
      const slot = this.#total % this.#window.length;
      this.#windowCorrect += hit - (this.#window[slot] ?? 0);
      this.#window[slot] = hit;
      this.#correct += hit;
      this.#total++;
    }
  }

  /** The accuracy so far. */
  score(): PrequentialScore {
    return {
      ...scoreOf(this.#correct, this.#total),
      windowAccuracy: scoreOf(this.#windowCorrect, this.#windowTotal).accuracy,
    };
  }

  /** The counters, for {@link Prequential}'s constructor. */
  checkpoint(): PrequentialCheckpoint {
    const newest = this.#total % this.#window.length;
    const slots =
      this.#total <= this.#window.length
        ? this.#window.subarray(0, this.#total)
        : [...this.#window.subarray(newest), ...this.#window.subarray(0, newest)];
    return { correct: this.#correct, total: this.#total, window: Array.from(slots).join("") };
  }

  get #windowTotal(): number {
    return Math.min(this.#total, this.#window.length);
  }
}

/** The score of `correct` out of `total` samples. */
export function scoreOf(correct: number, total: number): Score {
  return { correct, total, accuracy: total === 0 ? 0 : correct / total };
}
