/**
 * Learning from a stream. Start reading at trainer.ts: the loop. It knows engine and streams by their
 * ports and publishes through a port of its own, so it can be read and tested without any wire.
 * @module
 */
export { assembleBatch, headOf } from "./batch.ts";
export { type CheckpointStore, deployedAt, type TrainerCheckpoint } from "./checkpoint-store.ts";
export {
  EvaluationCheckpointError,
  LearnOptionError,
  NonFiniteParameterError,
  ResumeMismatchError,
  SamplerCheckpointError,
} from "./errors.ts";
export {
  ClassBaselines,
  type ClassBaselinesCheckpoint,
  NumberBaselines,
  type NumberBaselinesCheckpoint,
} from "./evaluate/baselines.ts";
export type { ClassObservation, ClassScores } from "./evaluate/class-statistics.ts";
export { argmaxRows, outcomesOf, type Predictor } from "./evaluate/classify.ts";
export {
  classEvaluation,
  type Evaluation,
  type EvaluationScores,
  numberEvaluation,
} from "./evaluate/evaluation.ts";
export type { EvaluationSpec } from "./evaluate/evaluation-spec.ts";
export { type HeldOutOptions, heldOutScore } from "./evaluate/held-out.ts";
export { recordJoined } from "./evaluate/joined-predictions.ts";
export {
  Prequential,
  PREQUENTIAL_WINDOW,
  type PrequentialCheckpoint,
  type PrequentialScore,
  type Score,
  scoreOf,
} from "./evaluate/prequential.ts";
export type { NumberObservation, NumberScores } from "./evaluate/number-statistics.ts";
export { softmaxRows } from "./evaluate/softmax.ts";
export { MemoryCheckpointStore } from "./memory-checkpoint-store.ts";
export { MemoryPublisher } from "./memory-publisher.ts";
export type { Sleep } from "./pace.ts";
export type { Published, Publisher, UpdateOrigin } from "./publisher.ts";
export { batchPositions, type BatchRequest, observeHistory } from "./samplers/batch-positions.ts";
export { excluding, type PositionRange } from "./samplers/excluding.ts";
export { reservoirSampler, type ReservoirSampler } from "./samplers/reservoir.ts";
export {
  INDEXED_POSITIONS_MAX,
  type Renumbering,
  type Sampler,
  type SamplerReach,
} from "./samplers/sampler.ts";
export { samplerOf } from "./samplers/sampler-of.ts";
export {
  checkSamplerSpec,
  type ClassBalancedSpec,
  classBalancedSampling,
  type HalfLifeMsSpec,
  type HalfLifeSamplesSpec,
  type InverseCountSpec,
  inverseCountSampling,
  type LinearRecencySpec,
  type NewOnlyByChanceSpec,
  newOnlyByChanceSampling,
  type NoSamplerSpec,
  noSampling,
  type RecencySpec,
  type ReservoirSpec,
  reservoirSampling,
  type RollingSpec,
  rollingSampling,
  type SamplerSpec,
  type TimeBasedSpec,
  timeBasedSampling,
  type UniformSpec,
  uniformSampling,
  type WindowSpec,
  windowSampling,
} from "./samplers/sampler-spec.ts";
export { uniformSampler } from "./samplers/uniform.ts";
export {
  BUFFER_BATCHES_DEFAULT,
  type BufferOptions,
  BUFFERS_EVERY_DEFAULT,
} from "./buffer-options.ts";
export { type BufferSource, estimateBuffers, samplerForBuffers } from "./running-statistics.ts";
export { holdsGradients } from "./sparsifiers/gradient-memory.ts";
export type { GradientSource } from "./sparsifiers/gradient-source.ts";
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
export { Budget, type BudgetCheckpoint } from "./triggers/budget.ts";
export type { BudgetDecision } from "./triggers/budget-rule.ts";
export {
  type BudgetSpec,
  checkBudgetSpec,
  type EveryMsSpec,
  type StepsPerSecondSpec,
  type TrainingSecondsPerHourSpec,
} from "./triggers/budget-spec.ts";
export {
  Intake,
  type IntakeCounters,
  type IntakeOptions,
  type IntakeStep,
  type OverloadPolicy,
} from "./triggers/overload.ts";
export type {
  ArrivedEvent,
  DriftVerdict,
  ServedEvent,
  TestedEvent,
  TimeEvent,
  TrainingBeganEvent,
  TrainingEndedEvent,
  Trigger,
  TriggerCheckpoint,
  TriggerDecision,
  TriggerEvent,
  VerdictEvent,
} from "./triggers/trigger.ts";
export { triggerOf } from "./triggers/trigger-of.ts";
export {
  type AllSpec,
  type AnySpec,
  type AtLeastSpec,
  type ByCostSpec,
  type ByCountSpec,
  type ByDriftVerdictSpec,
  type ByPerformanceDropSpec,
  type ByTimeSpec,
  checkTriggerSpec,
  type DynamicScheduleSpec,
  type StaticScheduleSpec,
  type TriggerSpec,
} from "./triggers/trigger-spec.ts";
