import {
  type Clock,
  type DeployedState,
  type DriftActionRecord,
  type DriftVerdictReport,
  type Preprocessing,
  preprocessorOf,
  ShapeError,
  sizeOf,
} from "@everfresh/core";
import type { Model, TrainingSession } from "@everfresh/engine";
import type { CacheUse, History, LabelStats, Source } from "@everfresh/streams";
import type { LateLabels } from "./arrivals/arrivals-options.ts";
import type { BufferOptions } from "./buffer-options.ts";
import type { CheckpointStore, TrainerCheckpoint } from "./checkpoint-store.ts";
import type { DriftWatch } from "./drift/monitor/drift-watch.ts";
import { needsRestore, startsCold } from "./drift/response/response-spec.ts";
import { LearnOptionError, ResumeMismatchError } from "./errors.ts";
import type { LiveEvaluation } from "./evaluate/live-evaluation.ts";
import type { Journal } from "./journal/journal.ts";
import type { Sleep } from "./pace.ts";
import type { Publisher } from "./publisher.ts";
import type { RetrainingStore } from "./retraining-store.ts";
import type { PositionRange } from "./samplers/excluding.ts";
import type { Sparsifier } from "./sparsifiers/sparsifier.ts";
import type { FeatureCacheSpec } from "./strategies/batch-reader.ts";
import type { Costs } from "./strategies/cost-account.ts";
import type { IterationProgress } from "./strategies/perform.ts";
import { checkStrategySpec, type StrategySpec } from "./strategies/strategy-spec.ts";
import type { IntakeCounters } from "./triggers/overload.ts";

/** Iterations between two checkpoints: a crash costs at most so many steps, computed again. */
export const CHECKPOINT_EVERY_DEFAULT = 50;

/** What {@link trainContinuously} works with. */
export interface TrainerOptions {
  /** The model that `session` trains. */
  readonly model: Pick<Model, "input" | "output">;
  /** Trains `θ`; opened from `resume.training` when resuming. Used by nobody else meanwhile. */
  readonly session: TrainerSession;
  /** Where new samples come from. Replayable: position n of the history is its sample n. */
  readonly source: Source;
  /** Labels that come later than their samples. @default they come along */
  readonly labels?: LateLabels;
  /** Past samples; those in it when a run starts without `resume` count as past. */
  readonly history: History;
  /** From the features of a sample to the model's input. What it learns is in the states. */
  readonly preprocessing: Preprocessing;
  /** How features are cached. The same tolerance when resuming. */
  readonly features?: FeatureCacheSpec;
  /** What to train on, and when. Another one than before goes on from where that one was. */
  readonly strategy: StrategySpec;
  /** Of what the strategy draws. */
  readonly seed: number;
  /** Positions of the history that are never trained on. @default none */
  readonly excluded?: readonly PositionRange[];
  /** The bytes of the state that a cold retraining starts from. @default there is none */
  readonly initial?: Uint8Array;
  /** Picks what an update carries. */
  readonly sparsifier: Sparsifier;
  /** The same after a retraining. @default everything: such a jump does not fit a small update */
  readonly sparsifierOfRetraining?: Sparsifier;
  /**
   * How the running statistics of BatchNormalization follow what is deployed; a model without it has
   * none. The same when resuming.
   */
  readonly buffers?: BufferOptions;
  /** What replicas have (`x̂`); {@link deployedAt} of `resume` when resuming. */
  readonly deployed: DeployedState;
  /** Where updates go. */
  readonly publisher: Publisher;
  /** Scores the states on every sample before it is learned; made from `resume` when resuming. */
  readonly evaluation: LiveEvaluation;
  /**
   * Watches for drift; made from `resume` when resuming.
   * @default nobody does
   */
  readonly drift?: DriftWatch;
  /** Is told of every verdict on drift, and what the strategy does about it; also in replays. */
  readonly onDrift?: (report: DriftVerdictReport, action: DriftActionRecord | null) => void;
  /** Where iterations are written down before they are performed. */
  readonly journal: Journal;
  /** Where checkpoints go. */
  readonly checkpoints: CheckpointStore;
  /**
   * Where a retraining that runs is kept, so that it goes on after a crash where it was.
   * @default nowhere: it is made anew
   */
  readonly retrainings?: RetrainingStore;
  /**
   * Iterations between two checkpoints, and steps between two of a retraining that runs; there is one
   * before and after every retraining, too.
   * @default 50
   */
  readonly checkpointEvery?: number;
  /** The last checkpoint, to go on from it. */
  readonly resume?: TrainerCheckpoint;
  /** Measures the durations in reports; triggers and budgets go by it. */
  readonly clock: Clock;
  /**
   * Ends after the iteration of this number, counted from the very first, also across resumed runs.
   * @default no end but that of the source
   */
  readonly maxSteps?: number;
  /**
   * Lets samples of the source arrive at this rate, above 0.
   * @default as fast as they are trained on
   */
  readonly paceSamplesPerSecond?: number;
  /**
   * How to wait for the next sample, or for a budget.
   * @default the timer of the runtime
   */
  readonly sleep?: Sleep;
  /** Is given a way to look at how the loop stands, from its beginning to its end. */
  readonly onOpen?: (standing: () => TrainerStanding) => void;
  /** Is told of the steps of retrainings. */
  readonly onProgress?: (progress: IterationProgress) => void;
  /** Ends the run after the step that is running, with a last checkpoint. */
  readonly signal?: AbortSignal;
}

/** How a loop stands, between its reports too. */
export interface TrainerStanding {
  /** Samples of the history that were tested. */
  readonly tested: number;
  /** Samples that have come and that training has not taken up. */
  readonly waiting: number;
  /** What became of samples that had to wait for a step; null where none has to. */
  readonly intake: IntakeCounters | null;
  /** What has happened to labels; null where they come along. */
  readonly labels: LabelStats | null;
  /** What the cache of features did since the process began. */
  readonly features: FeatureUse;
  /** What the run has cost, also before the process began. */
  readonly costs: Costs;
}

/** What was asked of a cache of features. */
export interface FeatureUse extends CacheUse {
  /** Samples whose features have room. */
  readonly capacity: number;
  /** Its budget, in bytes. */
  readonly bytesMax: number;
  /** See {@link FeatureCacheSpec.tolerance}. */
  readonly tolerance: number;
}

/** What of a training session the loop works with. */
export type TrainerSession = Pick<
  TrainingSession,
  "state" | "step" | "predict" | "moments" | "checkpoint"
> &
  /** Retrainings need the first, preprocessing that learns the second. */
  Partial<Pick<TrainingSession, "restore" | "setBuffers">>;

/**
 * Checks everything about the options that can be checked before the first step.
 * @throws LearnOptionError for a number that is out of its range
 * @throws ShapeError when source, preprocessing and model do not fit together
 * @throws ResumeMismatchError when something is not as it was at the checkpoint `resume`
 */
export function checkTrainerOptions(options: TrainerOptions): void {
  checkStrategySpec(options.strategy);
  checkLabels(options);
  checkRetraining(options);
  checkNumbers(options);
  checkShapes(options);
  if (options.resume !== undefined) checkResume(options, options.resume);
}

function checkLabels({ source, labels }: TrainerOptions): void {
  const follow = source.following !== undefined;
  if (follow === (labels?.lagSamples === null)) return;
  const needed = follow
    ? "null, a join for labels that follow by themselves, as the source says"
    : "a number where the source has its labels";
  throw new LearnOptionError("labels.lagSamples", labels?.lagSamples, needed);
}

function checkRetraining({ strategy, session, initial }: TrainerOptions): void {
  const isFull = strategy.kind === "fullRetraining";
  const response = strategy.kind === "proactive" ? (strategy.response ?? {}) : {};
  if (!isFull && !needsRestore(response)) return;
  if (session.restore === undefined) {
    const needed = "one that takes single steps, where gradients are what is made sparse";
    throw new LearnOptionError("strategy", strategy.kind, needed);
  }
  const isCold = isFull ? strategy.start === "cold" : startsCold(response);
  if (isCold && initial === undefined) {
    throw new LearnOptionError("start", "cold", '"warm" where there is no initial state');
  }
}

function checkNumbers(options: TrainerOptions): void {
  const { checkpointEvery, labels, buffers = {} } = options;
  const { maxSteps, paceSamplesPerSecond } = options;
  const wholeFrom = (least: number, value: number): boolean =>
    Number.isSafeInteger(value) && value >= least;
  const { every, batches } = buffers;
  const counts = { checkpointEvery, "buffers.every": every, "buffers.batches": batches };
  for (const [option, value] of Object.entries(counts)) {
    if (value === undefined || wholeFrom(1, value)) continue;
    throw new LearnOptionError(option, value, "a whole number of 1 or more");
  }
  const { cacheBytesMax, tolerance } = options.features ?? {};
  const from0 = {
    ...{ maxSteps, "labels.lagSamples": labels?.lagSamples ?? undefined },
    "features.cacheBytesMax": cacheBytesMax,
  };
  for (const [option, value] of Object.entries(from0)) {
    if (value === undefined || wholeFrom(0, value)) continue;
    throw new LearnOptionError(option, value, "a whole number of 0 or more");
  }
  if (tolerance !== undefined && !(tolerance >= 0 && Number.isFinite(tolerance))) {
    throw new LearnOptionError("features.tolerance", tolerance, "a finite number of 0 or more");
  }
  const pace = paceSamplesPerSecond;
  if (pace !== undefined && !(pace > 0 && Number.isFinite(pace))) {
    throw new LearnOptionError("paceSamplesPerSecond", pace, "a finite number above 0");
  }
}

function checkShapes({ model, source, preprocessing }: TrainerOptions): void {
  const { features, target } = source.schema;
  const { rawSize, inputShape: made } = preprocessorOf(preprocessing);
  const taken = model.input.shape;
  if (sizeOf(features.shape) !== rawSize) {
    const takes = preprocessing.kind === "pipeline" ? `${rawSize} values` : `[${made.join(", ")}]`;
    throw new ShapeError(
      `Samples of "${source.name}" have shape [${features.shape.join(", ")}], ` +
        `the preprocessing takes ${takes}; describe them in the model's input`,
    );
  }
  if (sizeOf(made) !== sizeOf(taken)) {
    throw new ShapeError(
      `The preprocessing makes inputs of shape [${made.join(", ")}], ` +
        `the model takes [${taken.join(", ")}]; choose a model that fits "${source.name}"`,
    );
  }
  const outputs = sizeOf(model.output.shape);
  if (outputs !== target.count) {
    throw new ShapeError(
      `"${source.name}" has ${target.count} classes, the model tells ${outputs} apart; ` +
        "choose a model with one output per class",
    );
  }
}

function checkResume(options: TrainerOptions, checkpoint: TrainerCheckpoint): void {
  const { deployed, history } = options;
  if (deployed.version !== checkpoint.version) {
    throw new ResumeMismatchError("the version", checkpoint.version, deployed.version);
  }
  if (deployed.fingerprint !== checkpoint.fingerprint) {
    throw new ResumeMismatchError("the fingerprint", checkpoint.fingerprint, deployed.fingerprint);
  }
  const needed = Math.max(checkpoint.samples, checkpoint.tested);
  if (history.count() < needed) {
    const what = "the number of samples in the history";
    throw new ResumeMismatchError(what, needed, history.count());
  }
}
