import type {
  IterationProgress,
  StepReport,
  StrategySpec,
  TrainerStanding,
} from "@everfresh/learn";
import type { LabelStatus, StrategyStatus } from "@everfresh/sync";

/** What is known about a strategy while it runs. */
export interface StrategyFacts {
  readonly kind: StrategySpec["kind"];
  /** Null before the first iteration. */
  readonly latest: StepReport | null;
  /** Null while none runs. */
  readonly retraining: IterationProgress | null;
  /** Null before the loop is opened. */
  readonly standing: TrainerStanding | null;
  /** The longest lag since the process began. */
  readonly lagMsMax: number | null;
}

const NO_COSTS: StrategyStatus["costs"] = {
  preprocessSeconds: 0,
  trainSeconds: 0,
  evaluateSeconds: 0,
  selectSeconds: 0,
  encodeSeconds: 0,
};

/** What a status says about a strategy. */
export function strategyStatus(facts: StrategyFacts): StrategyStatus {
  const { kind, latest, retraining, standing, lagMsMax } = facts;
  const { preprocessSeconds, trainSeconds, evaluateSeconds, selectSeconds, encodeSeconds } =
    standing?.costs ?? NO_COSTS;
  const { skipped = 0, grownSteps = 0, blockedTimes = 0, blockedMs = 0 } = standing?.intake ?? {};
  return {
    ...{ kind, why: latest?.why ?? null, retraining },
    intake: {
      tested: standing?.tested ?? 0,
      waiting: standing?.waiting ?? 0,
      lagMs: latest?.lagMs ?? null,
      ...{ lagMsMax, skipped, grownSteps, blockedTimes, blockedMs },
    },
    labels: labelStatus(standing?.labels ?? null),
    costs: { preprocessSeconds, trainSeconds, evaluateSeconds, selectSeconds, encodeSeconds },
  };
}

function labelStatus(stats: TrainerStanding["labels"]): LabelStatus | null {
  if (stats === null) return null;
  const { pending, joined, expiredByAge, expiredByRoom, tooLate, lagMs, lagSamples } = stats;
  const { early, earlyExpired, duplicateLabels: duplicates, conflicts } = stats;
  const quantiles = ({ p50, p99, max }: typeof lagMs): LabelStatus["lagMs"] => ({ p50, p99, max });
  return {
    ...{ pending, joined, expired: expiredByAge + expiredByRoom, tooLate },
    ...{ early, earlyExpired, duplicates, conflicts },
    lagMs: quantiles(lagMs),
    lagSamples: quantiles(lagSamples),
  };
}
