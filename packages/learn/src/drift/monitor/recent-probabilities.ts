import { softmaxInto } from "../../evaluate/softmax.ts";

/** The outputs that probabilities are of. */
interface Recent {
  outputs: Float32Array | null;
  readonly probabilities: Float64Array;
}

/** Probabilities of logits, of which the newest are at hand: a label often comes with its sample. */
export class RecentProbabilities {
  readonly #classes: number;
  /** By where the classes begin in the outputs. */
  readonly #recent = new Map<number, Recent>();

  constructor(classes: number) {
    this.#classes = classes;
  }

  /** Of the classes from `at` on in the outputs of all states; good until it is asked again. */
  of(outputs: Float32Array, at: number): ArrayLike<number> {
    let recent = this.#recent.get(at);
    if (recent === undefined) {
      recent = { outputs: null, probabilities: new Float64Array(this.#classes) };
      this.#recent.set(at, recent);
    }
    if (recent.outputs !== outputs) {
      softmaxInto(recent.probabilities, outputs, at);
      recent.outputs = outputs;
    }
    return recent.probabilities;
  }
}
