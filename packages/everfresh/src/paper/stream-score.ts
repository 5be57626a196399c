import { type CurvePoint, WINDOW_SAMPLES } from "./row-result.ts";

/** Points of a curve: as many as a figure can show. */
const CURVE_POINTS = 100;

/** Counts what was right, over the stream and in windows of it. */
export class StreamScore {
  readonly #every: number;
  readonly #curve: CurvePoint[] = [];
  readonly #windows: number[] = [];
  #correct = 0;
  #samples = 0;
  #inWindow = 0;

  /** @param streamSamples of the whole stream */
  constructor(streamSamples: number) {
    this.#every = Math.max(1, Math.ceil(streamSamples / CURVE_POINTS));
  }

  /** Takes in the next samples of the stream: whether each was classified correctly. */
  record(outcomes: readonly boolean[]): void {
    const before = Math.floor(this.#samples / this.#every);
    for (const outcome of outcomes) {
      if (outcome) {
        this.#correct++;
        this.#inWindow++;
      }
      if (++this.#samples % WINDOW_SAMPLES === 0) {
        this.#windows.push(this.#inWindow / WINDOW_SAMPLES);
        this.#inWindow = 0;
      }
    }
    if (Math.floor(this.#samples / this.#every) === before) return;
    this.#curve.push({ samples: this.#samples, accuracy: this.#correct / this.#samples });
  }

  /** Over all samples so far; null before the first. */
  get accuracy(): number | null {
    return this.#samples === 0 ? null : this.#correct / this.#samples;
  }

  /** Some hundred points of the accuracy over all samples until then. */
  get curve(): readonly CurvePoint[] {
    return this.#curve;
  }

  /** The accuracy in each full window. */
  get windows(): readonly number[] {
    return this.#windows;
  }
}
