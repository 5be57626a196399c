/**
 * Learning from a stream. Start reading at trainer.ts: the loop. It knows engine and streams by their
 * ports and publishes through a port of its own, so it can be read and tested without any wire.
 * @module
 */
export { assembleBatch, headOf } from "./batch.ts";
export { type CheckpointStore, deployedAt, type TrainerCheckpoint } from "./checkpoint-store.ts";
export { LearnOptionError, NonFiniteParameterError, ResumeMismatchError } from "./errors.ts";
export { argmaxRows, outcomesOf, type Predictor } from "./evaluate/classify.ts";
export { type HeldOutOptions, heldOutScore } from "./evaluate/held-out.ts";
export {
  Prequential,
  PREQUENTIAL_WINDOW,
  type PrequentialCheckpoint,
  type PrequentialScore,
  type Score,
  scoreOf,
} from "./evaluate/prequential.ts";
export { MemoryCheckpointStore } from "./memory-checkpoint-store.ts";
export { MemoryPublisher } from "./memory-publisher.ts";
export type { Sleep } from "./pace.ts";
export type { Published, Publisher, UpdateOrigin } from "./publisher.ts";
export { excluding, type PositionRange } from "./samplers/excluding.ts";
export type { Sampler } from "./samplers/sampler.ts";
export { uniformSampler } from "./samplers/uniform.ts";
export type { BatchGradient, GradientSource } from "./sparsifiers/gradient-source.ts";
export {
  checkGradientSpec,
  type DeepGradientCompressionSpec,
  type GradientSelection,
  type GradientSpec,
  type SparseSgdSpec,
  WARM_UP_RATIOS,
} from "./sparsifiers/gradient-spec.ts";
export {
  GradientSession,
  gradientTraining,
  type GradientTraining,
  type GradientTrainingOptions,
} from "./sparsifiers/gradient-training.ts";
export type { QuotaPosition } from "./sparsifiers/quota.ts";
export type { Sparsifier, SparsifierPosition } from "./sparsifiers/sparsifier.ts";
export { sparsifierOf, type SparsifierOptions } from "./sparsifiers/sparsifier-of.ts";
export {
  type AmountSpec,
  type BytesPerSecondSpec,
  type BytesPerUpdateSpec,
  checkSparsifierSpec,
  type DenseSpec,
  type QsgdSpec,
  type RandomKSpec,
  type RatioSpec,
  type SignMeanSpec,
  type SparsifierSpec,
  type ThresholdSpec,
  type TopKSpec,
} from "./sparsifiers/sparsifier-spec.ts";
export { topK, type TopKOptions } from "./sparsifiers/top-k.ts";
export type { StepReport } from "./step-report.ts";
export { trainProactively } from "./trainer.ts";
export {
  CHECKPOINT_EVERY_DEFAULT,
  checkTrainerOptions,
  type TrainerOptions,
} from "./trainer-options.ts";
