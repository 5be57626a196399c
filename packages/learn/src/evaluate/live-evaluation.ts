import { type Fingerprint, fingerprintOf, type ModelState } from "@everfresh/core";
import { ClassBaselines, type ClassBaselinesCheckpoint } from "./baselines.ts";
import type { ClassObservation, ClassScores } from "./class-statistics.ts";
import { classEvaluation, type Evaluation, type EvaluationScores } from "./evaluation.ts";
import type { EvaluationSpec } from "./evaluation-spec.ts";
import { Prequential, type PrequentialCheckpoint, type PrequentialScore } from "./prequential.ts";
import { argmaxRow, softmaxRows } from "./softmax.ts";

/** What {@link LiveEvaluation} is made with. */
export interface LiveEvaluationOptions extends Omit<EvaluationSpec, "target"> {
  /** Number of classes. */
  readonly classes: number;
  /** The state that the run started with, which never learns; null to do without it. */
  readonly frozen: ModelState | null;
  /** Where to go on. */
  readonly checkpoint?: LiveEvaluationCheckpoint | undefined;
}

/** A prediction and its label. */
export interface LiveObservation {
  /** Index of the class. */
  readonly label: number;
  /** Logits of the trained, the deployed and, where there is one, the frozen state. */
  readonly outputs: Float32Array;
  /** What the baselines answered when it was made. @default what they answer now */
  readonly answers?: BaselineAnswers;
}

/** Answers of the last label that had arrived, and of the most frequent one; null before the first. */
export interface BaselineAnswers {
  readonly noChange: number | null;
  readonly majority: number | null;
}

/** Whether an answer was right. */
export interface Hits {
  readonly trained: boolean;
  readonly deployed: boolean;
}

/** How the states of a run do on samples before they are learned from. */
export interface LiveScores {
  readonly trained: EvaluationScores<ClassScores>;
  readonly deployed: EvaluationScores<ClassScores>;
  /** Null where it is not evaluated. */
  readonly frozen: EvaluationScores<ClassScores> | null;
}

/** All that a {@link LiveEvaluation} remembers, as plain data and bytes. */
export interface LiveEvaluationCheckpoint {
  readonly trained: Uint8Array;
  readonly deployed: Uint8Array;
  readonly frozen: { readonly fingerprint: Fingerprint; readonly evaluation: Uint8Array } | null;
  readonly baselines: ClassBaselinesCheckpoint;
  /** Quick counters of the first two. */
  readonly quick: {
    readonly trained: PrequentialCheckpoint;
    readonly deployed: PrequentialCheckpoint;
  };
}

type ClassEvaluation = Evaluation<ClassObservation, ClassScores>;

/**
 * Prequential evaluation of a run: of the state that is trained, the one that is deployed and the one
 * that it started with, beside the last label and the most frequent one.
 */
export class LiveEvaluation {
  /** The state that the run started with; null where it is not evaluated. */
  readonly frozen: ModelState | null;
  /** Number of classes. */
  readonly classes: number;
  readonly #trained: ClassEvaluation;
  readonly #deployed: ClassEvaluation;
  readonly #frozen: {
    readonly fingerprint: Fingerprint;
    readonly evaluation: ClassEvaluation;
  } | null;
  readonly #baselines: ClassBaselines;
  readonly #quick: { readonly trained: Prequential; readonly deployed: Prequential };

  /**
   * @throws LearnOptionError for a number that is out of its range
   * @throws EvaluationCheckpointError for a checkpoint that is damaged or of another specification
   */
  constructor(options: LiveEvaluationOptions) {
    const { classes, frozen, checkpoint, ...spec } = options;
    const evaluation = (bytes?: Uint8Array): ClassEvaluation =>
      classEvaluation({ ...spec, target: { kind: "classes", count: classes } }, bytes);
    this.frozen = frozen;
    this.classes = classes;
    this.#trained = evaluation(checkpoint?.trained);
    this.#deployed = evaluation(checkpoint?.deployed);
    this.#frozen = frozenFrom(frozen, checkpoint, evaluation);
    this.#baselines = new ClassBaselines(classes, checkpoint?.baselines);
    this.#quick = {
      trained: new Prequential(checkpoint?.quick.trained),
      deployed: new Prequential(checkpoint?.quick.deployed),
    };
  }

  /**
   * Scores the next prediction, and lets the baselines know its label.
   * @returns which of the states that move were right
   */
  record({ label, outputs, answers = this.#baselines.predict() }: LiveObservation): Hits {
    const count = this.classes;
    const states = [this.#trained, this.#deployed, this.#frozen?.evaluation ?? null];
    const hits = states.map((evaluation, i) => {
      // A prediction that was made while the frozen state was not evaluated says nothing about it.
      if (evaluation === null || outputs.length < (i + 1) * count) return false;
      const [probabilities = []] = softmaxRows(outputs.subarray(i * count, (i + 1) * count), 1);
      evaluation.record({ label, probabilities, ...answers });
      return argmaxRow(probabilities) === label;
    });
    const [trained = false, deployed = false] = hits;
    this.#quick.trained.record([trained]);
    this.#quick.deployed.record([deployed]);
    this.#baselines.learn(label);
    return { trained, deployed };
  }

  /** What the baselines know now, for a copy of them that is ahead. */
  get baselines(): ClassBaselinesCheckpoint {
    return this.#baselines.checkpoint();
  }

  /** Accuracies of the two states that move: at once. */
  get quick(): { readonly trained: PrequentialScore; readonly deployed: PrequentialScore } {
    return { trained: this.#quick.trained.score(), deployed: this.#quick.deployed.score() };
  }

  /** All scores; takes some milliseconds for each state. */
  scores(): LiveScores {
    return {
      trained: this.#trained.scores(),
      deployed: this.#deployed.scores(),
      frozen: this.#frozen?.evaluation.scores() ?? null,
    };
  }

  /** All that it remembers. */
  checkpoint(): LiveEvaluationCheckpoint {
    return {
      trained: this.#trained.checkpoint(),
      deployed: this.#deployed.checkpoint(),
      frozen:
        this.#frozen === null
          ? null
          : {
              fingerprint: this.#frozen.fingerprint,
              evaluation: this.#frozen.evaluation.checkpoint(),
            },
      baselines: this.#baselines.checkpoint(),
      quick: {
        trained: this.#quick.trained.checkpoint(),
        deployed: this.#quick.deployed.checkpoint(),
      },
    };
  }
}

/** Another frozen state than that of the checkpoint is evaluated from here on. */
function frozenFrom(
  frozen: ModelState | null,
  checkpoint: LiveEvaluationCheckpoint | undefined,
  evaluation: (bytes?: Uint8Array) => ClassEvaluation,
): { readonly fingerprint: Fingerprint; readonly evaluation: ClassEvaluation } | null {
  if (frozen === null) return null;
  const fingerprint = fingerprintOf(frozen);
  const stored = checkpoint?.frozen;
  const isSame = stored?.fingerprint === fingerprint;
  return { fingerprint, evaluation: evaluation(isSame ? stored.evaluation : undefined) };
}
