import type { ClassScores, EvaluationScores, LiveScores } from "@everfresh/learn";
import type { ModelScores, ScoreValues, StateScores } from "@everfresh/sync";

/**
 * They take some 10 ms on the thread that sends updates, and nobody reads faster: so they are computed
 * at most so often, and only while somebody looks.
 */
const SCORES_EVERY_MS = 5_000;

/** Scores for people, computed now and then. */
export class RareScores {
  readonly #options: { readonly scores: () => LiveScores; readonly monotonicMs: () => number };
  #latest: { readonly scores: ModelScores; readonly atMs: number } | null = null;

  /** @param options how to get them, and a clock */
  constructor(options: { readonly scores: () => LiveScores; readonly monotonicMs: () => number }) {
    this.#options = options;
  }

  /**
   * The scores as they are, or were a little while ago; null without samples.
   * @param samples that were scored
   */
  at(samples: number): ModelScores | null {
    if (samples === 0) return null;
    const nowMs = this.#options.monotonicMs();
    if (this.#latest !== null && nowMs - this.#latest.atMs < SCORES_EVERY_MS) {
      return this.#latest.scores;
    }
    const { trained, deployed, frozen } = this.#options.scores();
    const scores = {
      trained: scoresOf(trained),
      deployed: scoresOf(deployed),
      frozen: frozen === null ? null : scoresOf(frozen),
    };
    this.#latest = { scores, atMs: nowMs };
    return scores;
  }

  /** Those that are asked for next are computed then. */
  renew(): void {
    this.#latest = null;
  }
}

function scoresOf(scores: EvaluationScores<ClassScores>): StateScores {
  const { samples, cumulative, window, fading } = scores;
  return {
    samples,
    cumulative: valuesOf(cumulative),
    window: valuesOf(window),
    fading: valuesOf(fading),
  };
}

function valuesOf(scores: ClassScores): ScoreValues {
  const { accuracy, noChangeAccuracy, majorityAccuracy, logLoss, macroF1, auc } = scores;
  const { calibrationError, kappa, kappaTemporal, kappaM } = scores;
  return {
    ...{ accuracy, noChangeAccuracy, majorityAccuracy, logLoss, macroF1, auc },
    ...{ calibrationError, kappa, kappaTemporal, kappaM },
  };
}
