import {
  type Clock,
  type DeployedState,
  inputShapeOf,
  type Preprocessing,
  ShapeError,
  sizeOf,
} from "@everfresh/core";
import type { Model, TrainingSession } from "@everfresh/engine";
import type { History, Source } from "@everfresh/streams";
import type { BufferOptions } from "./buffer-options.ts";
import type { CheckpointStore, TrainerCheckpoint } from "./checkpoint-store.ts";
import { LearnOptionError, ResumeMismatchError } from "./errors.ts";
import type { Sleep } from "./pace.ts";
import type { Publisher } from "./publisher.ts";
import type { Sampler } from "./samplers/sampler.ts";
import type { Sparsifier } from "./sparsifiers/sparsifier.ts";

/** Steps between two checkpoints: a crash costs at most so many steps, computed again. */
export const CHECKPOINT_EVERY_DEFAULT = 50;

/** What {@link trainProactively} works with. */
export interface TrainerOptions {
  /** The model that `session` trains. */
  readonly model: Pick<Model, "input" | "output">;
  /** Trains `θ`; opened from `resume.training` when resuming. Used by nobody else meanwhile. */
  readonly session: Pick<TrainingSession, "state" | "step" | "predict" | "moments" | "checkpoint">;
  /** Where new samples come from. Replayable: position n of the history is its sample n. */
  readonly source: Source;
  /** Past samples; those in it when a run starts without `resume` count as past. */
  readonly history: History;
  /** From the features of a sample to the model's input. */
  readonly preprocessing: Preprocessing;
  /** New samples per step (`t`), from 1 to `batchSize`. */
  readonly triggerSize: number;
  /** Samples per step (`b`): the new ones, and `b − t` of the history. */
  readonly batchSize: number;
  /** Picks the samples of the history. */
  readonly sampler: Sampler;
  /** Picks what an update carries. */
  readonly sparsifier: Sparsifier;
  /**
   * How the running statistics of BatchNormalization follow what is deployed; a model without it has
   * none. The same when resuming.
   */
  readonly buffers?: BufferOptions;
  /** What replicas have (`x̂`); {@link deployedAt} of `resume` when resuming. */
  readonly deployed: DeployedState;
  /** Where updates go. */
  readonly publisher: Publisher;
  /** Where checkpoints go. */
  readonly checkpoints: CheckpointStore;
  /**
   * Steps between two checkpoints.
   * @default 50
   */
  readonly checkpointEvery?: number;
  /** The last checkpoint, to go on from it. */
  readonly resume?: TrainerCheckpoint;
  /** Measures the durations in reports. */
  readonly clock: Clock;
  /**
   * Ends after the step of this number, counted from the very first, also across resumed runs.
   * @default no end but that of the source
   */
  readonly maxSteps?: number;
  /**
   * Lets samples of the source arrive at this rate, above 0.
   * @default as fast as they are trained on
   */
  readonly paceSamplesPerSecond?: number;
  /**
   * How to wait for the next sample.
   * @default the timer of the runtime
   */
  readonly sleep?: Sleep;
  /** Ends the run after the step that is running, with a last checkpoint. */
  readonly signal?: AbortSignal;
}

/**
 * Checks everything about the options that can be checked before the first step.
 * @throws LearnOptionError for a number that is out of its range
 * @throws ShapeError when source, preprocessing and model do not fit together
 * @throws ResumeMismatchError when something is not as it was at the checkpoint `resume`
 */
export function checkTrainerOptions(options: TrainerOptions): void {
  checkNumbers(options);
  checkShapes(options);
  if (options.resume !== undefined) checkResume(options, options.resume);
}

function checkNumbers(options: TrainerOptions): void {
  const { batchSize, triggerSize, checkpointEvery, buffers = {} } = options;
  const { maxSteps, paceSamplesPerSecond } = options;
  const wholeFrom = (least: number, value: number): boolean =>
    Number.isSafeInteger(value) && value >= least;
  if (!wholeFrom(1, batchSize)) {
    throw new LearnOptionError("batchSize", batchSize, "a whole number of 1 or more");
  }
  if (!wholeFrom(1, triggerSize) || triggerSize > batchSize) {
    const needed = `a whole number from 1 to the batch size ${batchSize}`;
    throw new LearnOptionError("triggerSize", triggerSize, needed);
  }
  const { every, batches } = buffers;
  const counts = { checkpointEvery, "buffers.every": every, "buffers.batches": batches };
  for (const [option, value] of Object.entries(counts)) {
    if (value === undefined || wholeFrom(1, value)) continue;
    throw new LearnOptionError(option, value, "a whole number of 1 or more");
  }
  if (maxSteps !== undefined && !wholeFrom(0, maxSteps)) {
    throw new LearnOptionError("maxSteps", maxSteps, "a whole number of 0 or more");
  }
  const pace = paceSamplesPerSecond;
  if (pace !== undefined && !(pace > 0 && Number.isFinite(pace))) {
    throw new LearnOptionError("paceSamplesPerSecond", pace, "a finite number above 0");
  }
}

function checkShapes({ model, source, preprocessing }: TrainerOptions): void {
  const { features, target } = source.schema;
  const made = inputShapeOf(preprocessing);
  const taken = model.input.shape;
  if (sizeOf(features.shape) !== sizeOf(made)) {
    throw new ShapeError(
      `Samples of "${source.name}" have shape [${features.shape.join(", ")}], ` +
        `the preprocessing takes [${made.join(", ")}]; describe them in the model's input`,
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
  const { deployed, sampler, history } = options;
  if (deployed.version !== checkpoint.version) {
    throw new ResumeMismatchError("the version", checkpoint.version, deployed.version);
  }
  if (deployed.fingerprint !== checkpoint.fingerprint) {
    throw new ResumeMismatchError("the fingerprint", checkpoint.fingerprint, deployed.fingerprint);
  }
  const { seed, stream, drawn } = sampler.position;
  const actual = `${seed}/${stream}/${drawn}`;
  const { sampler: saved } = checkpoint;
  const expected = `${saved.seed}/${saved.stream}/${saved.drawn}`;
  if (actual !== expected) {
    throw new ResumeMismatchError("the sampler's position", expected, actual);
  }
  if (history.count() < checkpoint.samples) {
    const what = "the number of samples in the history";
    throw new ResumeMismatchError(what, checkpoint.samples, history.count());
  }
}
