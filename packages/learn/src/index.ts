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
export type { Published, Publisher } from "./publisher.ts";
export type { Sampler } from "./samplers/sampler.ts";
export { uniformSampler } from "./samplers/uniform.ts";
export type { Sparsifier } from "./sparsifiers/sparsifier.ts";
export { topK, type TopKOptions } from "./sparsifiers/top-k.ts";
export type { StepReport } from "./step-report.ts";
export { trainProactively } from "./trainer.ts";
export {
  CHECKPOINT_EVERY_DEFAULT,
  checkTrainerOptions,
  type TrainerOptions,
} from "./trainer-options.ts";
