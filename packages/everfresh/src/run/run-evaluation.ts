import { cloneState, type ModelState } from "@everfresh/core";
import { LiveEvaluation, type LiveScores, type TrainerCheckpoint } from "@everfresh/learn";
import type { ResolvedModel } from "../config/resolve-model.ts";

/** The evaluation of a run, which goes back to a checkpoint whenever training does. */
export class RunEvaluation {
  readonly #classes: number;
  /** The state that the run began with; null where it is not evaluated. */
  readonly #frozen: ModelState | null;
  #current: LiveEvaluation;

  /**
   * @param checkpoint null for a fresh start
   * @param initial the state that the run began with where somebody else has a copy of it, which predicts
   * for both then. @default a copy of its own
   */
  constructor(
    { definition, model }: ResolvedModel,
    checkpoint: TrainerCheckpoint | null,
    initial?: ModelState,
  ) {
    this.#classes = definition.target.count;
    const isFrozenTested = definition.evaluation?.frozen ?? true;
    // Where workers predict under it without a copy.
    this.#frozen = isFrozenTested ? (initial ?? cloneState(model.state, { shared: true })) : null;
    this.#current = this.at(checkpoint);
  }

  /** The evaluation as it was at a checkpoint; the scores are those of this one from now on. */
  at(checkpoint: TrainerCheckpoint | null): LiveEvaluation {
    this.#current = new LiveEvaluation({
      classes: this.#classes,
      frozen: this.#frozen,
      checkpoint: checkpoint?.evaluation ?? undefined,
    });
    return this.#current;
  }

  /** All scores now; takes some milliseconds. */
  scores(): LiveScores {
    return this.#current.scores();
  }
}
