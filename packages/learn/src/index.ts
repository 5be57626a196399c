/**
 * Learning from a stream. Start reading at trainer.ts: the loop. It knows engine and streams by their
 * ports and publishes through a port of its own, so it can be read and tested without any wire.
 * @module
 */
export type { LateLabels } from "./arrivals/arrivals-options.ts";
export { assembleBatch, headOf } from "./batch.ts";
export { type CheckpointStore, deployedAt, type TrainerCheckpoint } from "./checkpoint-store.ts";
export {
  ConfidenceCalibration,
  type ConfidenceCalibrationOptions,
  type EstimatedAccuracy,
} from "./drift/uncertainty/confidence-calibration.ts";
export { detectorOf } from "./drift/detectors/detector-of.ts";
export {
  type AdwinSpec,
  type ChangeScanSpec,
  checkDetectorSpec,
  type CusumSpec,
  type DdmSpec,
  type DetectorSpec,
  type Direction,
  type EcddSpec,
  type EddmSpec,
  type HddmASpec,
  type HddmWSpec,
  type KswinSpec,
  type PageHinkleySpec,
} from "./drift/detectors/detector-spec.ts";
export type { Embedding } from "./drift/embedding/embedding.ts";
export {
  LayerEmbedding,
  type LayerEmbeddingOptions,
  type OpenInference,
} from "./drift/embedding/layer-embedding.ts";
export type {
  CostlyCheckpoint,
  CostlyNumbers,
  CostlyPorts,
} from "./drift/monitor/costly-inputs.ts";
export { pinnedEveryOf } from "./drift/monitor/signal-cost.ts";
export { DriftMonitor } from "./drift/monitor/drift-monitor.ts";
export type { DriftMonitorOptions } from "./drift/monitor/drift-monitor-options.ts";
export type {
  DriftMonitorCheckpoint,
  DriftSignalsCheckpoint,
  DriftVerdictsCheckpoint,
  MonitoredSignalCheckpoint,
} from "./drift/monitor/drift-monitor-checkpoint.ts";
export {
  type CompleteDriftSpec,
  completeDriftSpec,
  defaultSignals,
  type DriftSpec,
  type DriftVote,
  type EmbeddingSpec,
  type MonitoredSignalSpec,
  type RowsSpec,
  type SignalInput,
} from "./drift/monitor/drift-spec.ts";
export { DriftWatch } from "./drift/monitor/drift-watch.ts";
export type {
  DriftWatchCheckpoint,
  DriftWatchOptions,
  HeedReport,
  LookGiven,
  WatchedLabel,
  WatchedLook,
  WatchedPrediction,
} from "./drift/monitor/drift-watch-options.ts";
export type { LabelledObservation, PredictedObservation } from "./drift/monitor/observations.ts";
export { isotonicRegression } from "./drift/uncertainty/isotonic.ts";
export {
  PerformanceEstimate,
  type PerformanceEstimateOptions,
} from "./drift/uncertainty/performance-estimate.ts";
export {
  type MembersSpec,
  type PastVersions,
  PinnedMembers,
} from "./drift/uncertainty/pinned-members.ts";
export {
  type ReconstructionCheckpoint,
  type ReconstructionOptions,
  ReconstructionSignal,
} from "./drift/reconstruction/reconstruction-signal.ts";
export type { ReconstructionSpec } from "./drift/reconstruction/reconstruction-spec.ts";
export {
  brierScore,
  Reliability,
  type ReliabilityBin,
  type ReliabilityScores,
} from "./drift/uncertainty/reliability.ts";
export type {
  EncoderBytes,
  EncoderSession,
  OpenSession,
} from "./drift/reconstruction/sample-encoder.ts";
export type { Detector, Signal, SignalCheckpoint, SignalReading } from "./drift/signal.ts";
export {
  checkDriftResponse,
  type DriftActionSpec,
  type DriftResponse,
  type NewDataActionSpec,
  type NothingActionSpec,
  type RetrainActionSpec,
  type RewarmActionSpec,
  type RollBackActionSpec,
  type WarnActionSpec,
  type WindowActionSpec,
} from "./drift/response/response-spec.ts";
export type {
  PendingRetraining,
  ResponseState,
  ResponseWindow,
} from "./drift/response/response.ts";
export type { RowSignal } from "./drift/two-sample/row-signal.ts";
export { twoSampleSignal } from "./drift/two-sample/two-sample.ts";
export type { TwoSampleSpec, TwoSampleStatistic } from "./drift/two-sample/two-sample-spec.ts";
export {
  disagreement,
  predictiveEntropy,
  reconstructionError,
  smallMargin,
} from "./drift/uncertainty/uncertainty.ts";
export {
  DriftCheckpointError,
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
export {
  type BaselineAnswers,
  LiveEvaluation,
  type LiveEvaluationCheckpoint,
  type LiveEvaluationOptions,
  type LiveObservation,
  type LiveScores,
} from "./evaluate/live-evaluation.ts";
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
export { durableJournal } from "./journal/durable-journal.ts";
export type { Journal, JournalEntry, RecordedAction } from "./journal/journal.ts";
export { memoryJournal } from "./journal/memory-journal.ts";
export { decodePlainData, encodePlainData } from "./journal/plain-data.ts";
export { MemoryCheckpointStore } from "./memory-checkpoint-store.ts";
export { MemoryRetrainingStore } from "./memory-retraining-store.ts";
export { MemoryPublisher } from "./memory-publisher.ts";
export { type Sleep, timerSleep } from "./pace.ts";
export type { Published, Publisher, UpdateOrigin } from "./publisher.ts";
export type { RetrainingCheckpoint, RetrainingStore } from "./retraining-store.ts";
export { batchPositions, type BatchRequest, observeHistory } from "./samplers/batch-positions.ts";
export { excluding, merged as mergedRanges, type PositionRange } from "./samplers/excluding.ts";
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
  growingMemorySampling,
  type HalfLifeMsSpec,
  type HalfLifeSamplesSpec,
  type HalfLifeShareSpec,
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
export {
  type GradientSteps,
  gradientStepsOf,
  type SparseMove,
} from "./sparsifiers/gradient-steps.ts";
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
export {
  batchReader,
  type BatchPlace,
  type BatchReader,
  type BatchReaderOptions,
  type BatchReaderPosition,
  type FeatureCacheSpec,
} from "./strategies/batch-reader.ts";
export { compareStrategies, type CompareOptions } from "./strategies/compare-strategies.ts";
export { CostAccount, type Costs, totalSeconds } from "./strategies/cost-account.ts";
export type { Followed, Follower, PerformedIteration } from "./strategies/follower.ts";
export {
  type Iteration,
  type RetrainingIteration,
  samplesAfter,
  type StepIteration,
  stepsOf,
} from "./strategies/iteration.ts";
export {
  costsOf,
  type IterationProgress,
  type IterationResult,
  perform,
  type PerformOptions,
} from "./strategies/perform.ts";
export type { ClassEvaluationSpec, StateScoresCheckpoint } from "./strategies/state-scores.ts";
export type { RecordedStrategy } from "./strategies/recorded-strategy.ts";
export type {
  ResponseCheckpoint,
  Strategy,
  StrategyCheckpoint,
  StrategyDecision,
  StrategyEvent,
} from "./strategies/strategy.ts";
export { strategyOf, type StrategyOptions } from "./strategies/strategy-of.ts";
export { StrategyRun } from "./strategies/strategy-run.ts";
export type {
  StrategyLaneCheckpoint,
  StrategyRunCheckpoint,
} from "./strategies/strategy-run-checkpoint.ts";
export type {
  ComparedStrategy,
  ScoredPredictions,
  StateStanding,
  StrategyRunOptions,
  StrategyStanding,
} from "./strategies/strategy-run-options.ts";
export {
  batchSizeOf,
  checkStrategySpec,
  frozen,
  type FrozenSpec,
  fullRetraining,
  type FullRetrainingSpec,
  online,
  type OnlineSpec,
  proactive,
  type ProactiveSpec,
  type StrategySpec,
} from "./strategies/strategy-spec.ts";
export { trainContinuously } from "./trainer.ts";
export {
  CHECKPOINT_EVERY_DEFAULT,
  checkTrainerOptions,
  type FeatureUse,
  type TrainerOptions,
  type TrainerSession,
  type TrainerStanding,
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
