import type {
  IterationProgress,
  LiveScores,
  StepReport,
  StrategySpec,
  TrainerStanding,
} from "@everfresh/learn";
import type { ModelStatus, ReplicaInfo, StatusPoint } from "@everfresh/sync";
import { MeasuredValues } from "./measured-values.ts";
import { RareScores } from "./rare-scores.ts";
import { strategyStatus } from "./strategy-status.ts";
import { ThinnedSeries } from "./thinned-series.ts";

const SERIES_POINTS_MAX = 600; // about as many as a chart has pixels to show

/** What does not change while a run goes on. */
export type RunFacts = Pick<
  ModelStatus,
  | "name"
  | "source"
  | "parameters"
  | "denseBytes"
  | "ratio"
  | "buffersEvery"
  | "triggerSize"
  | "batchSize"
  | "warmUpSteps"
>;

/** Options of {@link StatusBoard}. */
export interface StatusBoardOptions {
  readonly facts: RunFacts;
  /** Where the run starts from. */
  readonly start: Pick<ModelStatus, "version" | "fingerprint" | "samples" | "steps">;
  /** Milliseconds since the Unix epoch. */
  readonly startedAtMs: number;
  readonly strategy: StrategySpec["kind"];
  /** How states do now; takes some milliseconds. */
  readonly scores: () => LiveScores;
  /** In milliseconds, from any beginning. */
  readonly monotonicMs: () => number;
  /** The way of updates to the replicas, as it is measured. */
  readonly updateToReplicaMs: MeasuredValues;
  /** The replicas that are connected now. */
  readonly replicas: () => readonly ReplicaInfo[];
}

/** Collects what a run measures, for the live page, `/v1/models` and the summary. */
export class StatusBoard {
  readonly updateBytes: MeasuredValues = new MeasuredValues();
  readonly stepMs: MeasuredValues = new MeasuredValues();
  readonly #options: StatusBoardOptions;
  readonly #series = new ThinnedSeries<StatusPoint>(SERIES_POINTS_MAX);
  #latest: StepReport | null = null;
  #moved: Pick<ModelStatus, "version" | "fingerprint"> | null = null;
  #phase: ModelStatus["phase"] = "training";
  #heldOutAccuracy: number | null = null;
  readonly #scores: RareScores;
  #standing: (() => TrainerStanding) | null = null;
  #retraining: IterationProgress | null = null;
  #lagMsMax: number | null = null;

  constructor(options: StatusBoardOptions) {
    this.#options = options;
    this.#scores = new RareScores(options);
  }

  /** The last step that was made, null before the first. */
  get latest(): StepReport | null {
    return this.#latest;
  }

  /** Takes in one step. */
  record(report: StepReport): void {
    this.#latest = report;
    this.#moved = null;
    this.#retraining = null;
    if (report.lagMs !== null) this.#lagMsMax = Math.max(this.#lagMsMax ?? 0, report.lagMs);
    this.stepMs.add(report.stepMs);
    if (report.entries > 0 || report.updateBytes > 0) this.updateBytes.add(report.updateBytes);
    this.#series.add({
      samples: report.samples,
      version: report.version,
      trainedAccuracy: report.trained.windowAccuracy,
      deployedAccuracy: report.deployed.windowAccuracy,
      updateBytes: report.updateBytes,
      loss: report.loss,
      stepMs: report.stepMs,
    });
  }

  /** From now on a loop can be asked how it stands. */
  opened(standing: () => TrainerStanding): void {
    this.#standing = standing;
    this.#retraining = null;
  }

  /** Takes in how far a retraining has come. */
  progress(progress: IterationProgress): void {
    this.#retraining = progress;
  }

  /** The deployed state has moved without a step. */
  moved(to: Pick<ModelStatus, "version" | "fingerprint">): void {
    this.#moved = to;
  }

  /** Takes in an accuracy of the deployed state on held-out data. */
  recordHeldOut(accuracy: number): void {
    this.#heldOutAccuracy = accuracy;
  }

  /** Training has ended; the model is served on. */
  finish(): void {
    this.#scores.renew();
    this.#phase = "finished";
  }

  /** Everything as it is now. */
  status(): ModelStatus {
    const { updateBytes, stepMs } = this;
    const { facts, start, startedAtMs, replicas, updateToReplicaMs } = this.#options;
    const now = this.#latest;
    const standing = this.#standing?.() ?? null;
    return {
      ...facts,
      phase: this.#phase,
      strategy: strategyStatus({
        ...{ kind: this.#options.strategy, latest: now, retraining: this.#retraining, standing },
        lagMsMax: this.#lagMsMax,
      }),
      version: this.#moved?.version ?? now?.version ?? start.version,
      fingerprint: this.#moved?.fingerprint ?? now?.fingerprint ?? start.fingerprint,
      samples: now?.samples ?? start.samples,
      steps: now?.step ?? start.steps,
      startedAtMs,
      replicas: replicas(),
      series: this.#series.points(),
      updateBytes: {
        mean: updateBytes.mean,
        p50: updateBytes.percentile(0.5),
        max: updateBytes.max,
        total: updateBytes.total,
      },
      stepMs: { p50: stepMs.percentile(0.5), p99: stepMs.percentile(0.99) },
      updateToReplicaMs:
        updateToReplicaMs.count === 0
          ? null
          : { p50: updateToReplicaMs.percentile(0.5), p99: updateToReplicaMs.percentile(0.99) },
      heldOutAccuracy: this.#heldOutAccuracy,
      scores: this.#scores.at(standing?.tested ?? 0),
      features: standing?.features ?? null,
    };
  }
}
