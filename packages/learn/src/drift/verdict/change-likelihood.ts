import type { Progress } from "../monitor/drift-progress.ts";
import {
  alarmLikelihood,
  confirmedLikelihood,
  eitherOf,
  likelihoodOf,
  type LikelihoodOptions,
  recency,
} from "./likelihood.ts";
import type { Strongest } from "./strongest.ts";

/** How likely the stream has changed within its last samples, with what the last alarm said. */
export class ChangeLikelihood {
  readonly #options: LikelihoodOptions;
  /** The sequence of the change of the last alarm, -1 for never, and how likely that is true. */
  #since = -1;
  #likelihood = 0;
  #isLabelled = false;

  constructor(options: LikelihoodOptions) {
    this.#options = options;
  }

  /** What is known goes back to these signals; those that need labels have seen fewer samples. */
  of({ evidence, since, isLabelled }: Strongest, progress: Progress): number {
    const age = since === null ? 0 : ageOf(since, isLabelled, progress);
    const now = likelihoodOf({ evidence: evidence ?? 0, age }, this.#options);
    if (this.#since < 0) return now;
    const alarmed = ageOf(this.#since, this.#isLabelled, progress);
    return eitherOf(now, this.#likelihood * recency(alarmed, this.#options.withinSamples));
  }

  /** There is an alarm. */
  alarmed({ evidence, since, isLabelled }: Strongest, { newest }: Progress): void {
    this.#likelihood = alarmLikelihood(evidence ?? 0, this.#options);
    this.#since = since ?? newest;
    this.#isLabelled = isLabelled;
  }

  /** Labels have confirmed or withdrawn the last alarm. */
  settled(outcome: "confirmed" | "withdrawn"): void {
    this.#likelihood = outcome === "confirmed" ? confirmedLikelihood(this.#likelihood) : 0;
  }

  /** All that is remembered. */
  numbers(): readonly number[] {
    return [this.#since, this.#likelihood, this.#isLabelled ? 1 : 0];
  }

  /** Remembers what {@link numbers} gave. */
  remember(numbers: readonly number[]): void {
    const [since = -1, likelihood = 0, isLabelled = 0] = numbers;
    this.#since = since;
    this.#likelihood = likelihood;
    this.#isLabelled = isLabelled === 1;
  }
}

function ageOf(since: number, isLabelled: boolean, { newest, newestLabel }: Progress): number {
  return Math.max(0, (isLabelled ? newestLabel : newest) - since);
}
