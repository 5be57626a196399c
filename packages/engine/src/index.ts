/**
 * Trains and runs ONNX models: ONNX graph to gradient graph to training step, on ONNX Runtime.
 * @module
 */
export type { DropoutMask, Moments } from "./autodiff/training-mode.ts";
export {
  type TrainingStep,
  trainingStep,
  type TrainingStepOptions,
} from "./autodiff/training-step.ts";
export {
  CheckpointMismatchError,
  CorruptCheckpointError,
  ExternalDataError,
  GradientSelfTestError,
  InvalidModelError,
  InvalidSafetensorsError,
  ModelDTypeError,
  ModelHeadError,
  ModelLayerError,
  ModelSignatureError,
  NonFiniteLossError,
  RuntimeFailedError,
  RuntimeUnavailableError,
  SessionBusyError,
  SessionClosedError,
  ShapeInferenceError,
  UnmatchedPatternError,
  UnsupportedOperatorError,
  UnsupportedOpsetError,
  UntrainableModelError,
  WorkerCrashedError,
} from "./errors.ts";
export type {
  Attribute,
  Attributes,
  AttributeValues,
  BatchDimension,
  Dimension,
  Graph,
  GraphNode,
  GraphShape,
  ValueInfo,
  ValueType,
} from "./graph/graph.ts";
export type { Formulations } from "./graph/builder.ts";
export type {
  Formulation,
  ForwardFormulation,
  InputFormulation,
  WeightFormulation,
} from "./graph/formulation.ts";
export type { OperatorKind } from "./graph/operator-kind.ts";
export type { BinaryCrossEntropyWithLogitsSpec } from "./losses/binary-cross-entropy.ts";
export type { HuberSpec } from "./losses/huber.ts";
export type { ClassIndexTarget, NumbersTarget, TargetSpec } from "./losses/loss.ts";
export type { LossSpec } from "./losses/loss-of.ts";
export type { MeanSquaredErrorSpec } from "./losses/mean-squared-error.ts";
export type { SoftmaxCrossEntropySpec } from "./losses/softmax-cross-entropy.ts";
export { autoEncoder, type AutoEncoderOptions } from "./models/auto-encoder.ts";
export { densenet161 } from "./models/densenet.ts";
export { dlrmSmall, type DlrmSmallOptions } from "./models/dlrm-small.ts";
export { embeddingModel } from "./models/embedding-model.ts";
export { exportModel, type ExportOptions } from "./models/export-model.ts";
export { foldBatchNorm } from "./models/fold-batch-norm.ts";
export type { ImageModelOptions } from "./models/image-model.ts";
export { forwardMultiplications } from "./models/forward-cost.ts";
export { freeze } from "./models/freeze.ts";
export { type ImportOptions, importModel } from "./models/import-model.ts";
export { inferenceGraph } from "./models/inference-graph.ts";
export { lenet5, type Lenet5Options } from "./models/lenet5.ts";
export { lstmClassifier, type LstmClassifierOptions } from "./models/lstm-classifier.ts";
export { mlp, type MlpOptions } from "./models/mlp.ts";
export { mobilenetV2, type MobilenetV2Options } from "./models/mobilenet-v2.ts";
export type { Model, ModelPort } from "./models/model.ts";
export {
  type FiledPreprocessing,
  importPreprocessing,
  preprocessingIn,
  preprocessingMetadata,
} from "./models/preprocessing-metadata.ts";
export { replaceHead, type ReplaceHeadOptions } from "./models/replace-head.ts";
export { resnet18, resnet50 } from "./models/resnet.ts";
export { resnet20 } from "./models/resnet20.ts";
export {
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsFile,
} from "./models/safetensors.ts";
export { trainingNotes } from "./models/training-notes.ts";
export {
  transformerEncoder,
  type TransformerEncoderOptions,
} from "./models/transformer-encoder.ts";
export { withStatistics } from "./models/with-statistics.ts";
export { adagrad, type AdagradSpec } from "./optimizers/adagrad.ts";
export {
  adam,
  type AdamSettings,
  type AdamSpec,
  adamW,
  type AdamWSpec,
} from "./optimizers/adam.ts";
export { clipFactor, scaleGradients, sumOfSquares } from "./optimizers/clip-norm.ts";
export { decodeOptimizerState, encodeOptimizerState } from "./optimizers/optimizer-bytes.ts";
export { optimizerOf, type OptimizerSpec } from "./optimizers/optimizer-of.ts";
export type { Optimizer, OptimizerState } from "./optimizers/optimizer.ts";
export { rmsprop, type RmspropSpec } from "./optimizers/rmsprop.ts";
export {
  checkSchedule,
  type ConstantSchedule,
  type CosineSchedule,
  type InverseSquareRootSchedule,
  learningRateAt,
  type RewarmUpSchedule,
  type Schedule,
  type StepSchedule,
  type WarmUpSchedule,
} from "./optimizers/schedule.ts";
export type { OptimizerSettings } from "./optimizers/settings.ts";
export { sgd, type SgdSpec } from "./optimizers/sgd.ts";
export {
  type MeasuredPlan,
  measurePlan,
  type PlanMeasurementOptions,
} from "./plan/measure-plan.ts";
export type { Backend, Provider, RuntimeReport, RuntimeRequest } from "./runtime/runtime.ts";
export { type BatchMoments, type LayerMoments, pooledMoments } from "./sessions/batch-moments.ts";
export type { BatchNormMode, ExecutionPlan } from "./sessions/execution-plan.ts";
export type {
  InferenceMode,
  InferenceOptions,
  InferenceSession,
  Prediction,
  StateVersion,
  VersionedState,
} from "./sessions/inference-session.ts";
export type { NonFinitePlace } from "./sessions/non-finite.ts";
export { openInference } from "./sessions/open-inference.ts";
export { openTrainingSession } from "./sessions/open-training-session.ts";
export { selfTest, type SelfTestReport } from "./sessions/self-test.ts";
export type {
  BatchGradient,
  StepResult,
  TrainingBatch,
  TrainingCheckpoint,
  TrainingOptions,
  TrainingSession,
} from "./sessions/training-session.ts";
