import { assert, type ModelState } from "@everfresh/core";
import type { ClassObservation, ClassScores } from "../evaluate/class-statistics.ts";
import { classEvaluation, type Evaluation, type EvaluationScores } from "../evaluate/evaluation.ts";
import type { EvaluationSpec } from "../evaluate/evaluation-spec.ts";
import { argmaxRow, softmaxRows } from "../evaluate/softmax.ts";
import type { Arrival } from "./arrival-queue.ts";

/** How classes are evaluated. */
export type ClassEvaluationSpec = EvaluationSpec & {
  readonly target: { readonly kind: "classes" };
};

/** Where a {@link StateScores} is, to go on from it. */
export interface StateScoresCheckpoint {
  readonly evaluation: Uint8Array;
  readonly correct: number;
  /** Logits of predictions that wait for their labels, row by row. */
  readonly waiting: Float32Array;
}

/** Scores one state: keeps its predictions until their labels have arrived. */
export class StateScores {
  readonly name: string;
  readonly state: ModelState;
  readonly #evaluation: Evaluation<ClassObservation, ClassScores>;
  readonly #classes: number;
  /** Logits of each prediction from number `#scored` on. */
  #waiting: Float32Array[] = [];
  #scored: number;
  #correct: number;

  /** @param scored number of the first prediction */
  constructor(
    { name, state }: { readonly name: string; readonly state: ModelState },
    spec: ClassEvaluationSpec,
    scored: number,
    checkpoint?: StateScoresCheckpoint,
  ) {
    this.name = name;
    this.state = state;
    this.#evaluation = classEvaluation(spec, checkpoint?.evaluation);
    this.#classes = spec.target.count;
    this.#scored = scored;
    this.#correct = checkpoint?.correct ?? 0;
    if (checkpoint !== undefined) this.predicted(checkpoint.waiting);
  }

  /** Predictions that were scored. */
  get scored(): number {
    return this.#scored;
  }

  /** Of these, the right ones. */
  get correct(): number {
    return this.#correct;
  }

  /** Takes the logits of the next predictions, row by row. */
  predicted(logits: Float32Array): void {
    for (let at = 0; at < logits.length; at += this.#classes) {
      this.#waiting.push(logits.subarray(at, at + this.#classes));
    }
  }

  /**
   * Scores the next predictions, whose labels have arrived; at most those that were made.
   * @returns for each whether it is right: 1 or 0
   */
  score(arrivals: readonly Arrival[]): Uint8Array {
    const hits = new Uint8Array(arrivals.length);
    arrivals.forEach(({ sample, noChange, majority }, i) => {
      const logits = this.#waiting[i];
      assert(logits !== undefined, "a label scores a prediction that was made");
      const [probabilities = []] = softmaxRows(logits, 1);
      const { label } = sample;
      this.#evaluation.record({ label, probabilities, noChange, majority });
      hits[i] = argmaxRow(probabilities) === label ? 1 : 0;
      this.#correct += hits[i] ?? 0;
    });
    this.#waiting.splice(0, arrivals.length);
    this.#scored += arrivals.length;
    return hits;
  }

  /** All scores; takes some milliseconds. */
  scores(): EvaluationScores<ClassScores> {
    return this.#evaluation.scores();
  }

  /** All that it remembers. */
  checkpoint(): StateScoresCheckpoint {
    const waiting = new Float32Array(this.#waiting.length * this.#classes);
    this.#waiting.forEach((logits, i) => waiting.set(logits, i * this.#classes));
    return { evaluation: this.#evaluation.checkpoint(), correct: this.#correct, waiting };
  }
}
