import { softmaxRows } from "../../evaluate/softmax.ts";

/** Probabilities of logits, of which the newest are at hand: a label often comes with its sample. */
export class RecentProbabilities {
  readonly #classes: number;
  #outputs: Float32Array | null = null;
  #at = -1;
  #probabilities: ArrayLike<number> = [];

  constructor(classes: number) {
    this.#classes = classes;
  }

  /** Of the classes from `at` on in the outputs of all states. */
  of(outputs: Float32Array, at: number): ArrayLike<number> {
    if (outputs === this.#outputs && at === this.#at) return this.#probabilities;
    this.#outputs = outputs;
    this.#at = at;
    this.#probabilities = softmaxRows(outputs.subarray(at, at + this.#classes), 1)[0] ?? [];
    return this.#probabilities;
  }
}
