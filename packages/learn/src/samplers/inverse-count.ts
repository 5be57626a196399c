import { assert, type Random, type RandomPosition } from "@everfresh/core";
import { RecentWeights } from "./recent-weights.ts";
import { INDEXED_POSITIONS_MAX, type Renumbering, type Sampler } from "./sampler.ts";
import { StateReader, StateWriter } from "./state-bytes.ts";

const KIND = "inverse count/1";

/** Options of {@link inverseCountSampler}. */
export interface InverseCountOptions {
  /**
   * How often samples are taken to have been drawn that are in the history before the first draw; a
   * whole number of 0 or more. The code of Prapas et al. (2021) has 49.
   * @default 0
   */
  readonly usesBefore?: number;
  /** How many of the newest positions can be drawn. @default 4,194,304 */
  readonly positionsMax?: number;
}

/**
 * Prefers what was seldom drawn: the weight of a position is 1 / (1 + times drawn). The positions of a
 * draw are taken one after another, each with probability weight / weights of those left. This is
 * `keep_probs` of Prapas et al. (2021), in a form that works: every new sample enters with count 0.
 * O(k · log n).
 */
export function inverseCountSampler(random: Random, options: InverseCountOptions = {}): Sampler {
  return new InverseCountSampler(random, options);
}

class InverseCountSampler implements Sampler {
  readonly #random: Random;
  readonly #usesBefore: number;
  readonly #positionsMax: number;
  readonly #weights: RecentWeights;
  /** Times drawn, by position modulo its length, a power of two or `positionsMax`. */
  #counts = new Uint32Array(1024);
  #isFirst = true;

  constructor(random: Random, options: InverseCountOptions) {
    this.#random = random;
    this.#usesBefore = options.usesBefore ?? 0;
    this.#positionsMax = options.positionsMax ?? INDEXED_POSITIONS_MAX;
    this.#weights = new RecentWeights(this.#positionsMax);
  }

  get position(): RandomPosition {
    return this.#random.position;
  }

  draw(count: number, limit: number): readonly number[] {
    this.#enter(limit, this.#isFirst ? () => this.#usesBefore : () => 0);
    this.#isFirst = false;
    const drawn = this.#weights.draw(count, this.#random);
    for (const position of drawn) {
      const slot = position % this.#positionsMax;
      const uses = (this.#counts[slot] ?? 0) + 1;
      this.#counts[slot] = uses;
      this.#weights.set(position, 1 / (1 + uses));
    }
    return drawn;
  }

  checkpoint(): Uint8Array {
    const writer = new StateWriter(KIND);
    const { oldest, entered } = this.#weights;
    writer.whole(this.#isFirst ? 1 : 0);
    writer.whole(oldest);
    writer.whole(entered);
    for (let position = oldest; position < entered; position++) {
      writer.whole(this.#counts[position % this.#positionsMax] ?? 0);
    }
    return writer.bytes();
  }

  restore(checkpoint: Uint8Array, renumbering: Renumbering = (position) => position): void {
    assert(this.#weights.entered === 0, "restored after a draw");
    const reader = new StateReader(checkpoint, KIND);
    const isFirst = reader.whole(1) === 1;
    const oldest = reader.whole();
    const entered = reader.whole();
    const uses: number[] = [];
    let first: number | null = null;
    for (let position = oldest; position < entered; position++) {
      const count = reader.whole(2 ** 32 - 1);
      const now = renumbering(position);
      if (now === null) continue;
      first ??= now;
      uses[now - first] = count;
    }
    reader.end();
    const from = first ?? 0;
    this.#enter(from + uses.length, (position) => uses[position - from] ?? 0);
    this.#isFirst = isFirst;
  }

  #enter(limit: number, usesOf: (position: number) => number): void {
    const slots = Math.min(limit, this.#positionsMax);
    if (slots > this.#counts.length) {
      const longer = new Uint32Array(
        Math.min(this.#positionsMax, 2 ** Math.ceil(Math.log2(slots))),
      );
      longer.set(this.#counts);
      this.#counts = longer;
    }
    this.#weights.enter(limit, (position) => {
      const uses = usesOf(position);
      this.#counts[position % this.#positionsMax] = uses;
      return 1 / (1 + uses);
    });
  }
}
