/**
 * Trains and runs ONNX models: ONNX graph to gradient graph to training step, on ONNX Runtime.
 * @module
 */
export {
  type TrainingStep,
  trainingStep,
  type TrainingStepOptions,
} from "./autodiff/training-step.ts";
export {
  CheckpointMismatchError,
  CorruptCheckpointError,
  ExternalDataError,
  InvalidModelError,
  ModelDTypeError,
  ModelSignatureError,
  NonFiniteLossError,
  RuntimeFailedError,
  RuntimeUnavailableError,
  SessionBusyError,
  SessionClosedError,
  ShapeInferenceError,
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
export type { OperatorKind } from "./graph/operator-kind.ts";
export type { BinaryCrossEntropyWithLogitsSpec } from "./losses/binary-cross-entropy.ts";
export type { HuberSpec } from "./losses/huber.ts";
export type { ClassIndexTarget, NumbersTarget, TargetSpec } from "./losses/loss.ts";
export type { LossSpec } from "./losses/loss-of.ts";
export type { MeanSquaredErrorSpec } from "./losses/mean-squared-error.ts";
export type { SoftmaxCrossEntropySpec } from "./losses/softmax-cross-entropy.ts";
export { exportModel } from "./models/export-model.ts";
export { importModel } from "./models/import-model.ts";
export { inferenceGraph } from "./models/inference-graph.ts";
export { lenet5, type Lenet5Options } from "./models/lenet5.ts";
export { mlp, type MlpOptions } from "./models/mlp.ts";
export type { Model, ModelPort } from "./models/model.ts";
export { adagrad, type AdagradSpec } from "./optimizers/adagrad.ts";
export {
  adam,
  type AdamSettings,
  type AdamSpec,
  adamW,
  type AdamWSpec,
} from "./optimizers/adam.ts";
export { clipFactor, scaleGradients, sumOfSquares } from "./optimizers/clip-norm.ts";
export { optimizerOf, type OptimizerSpec } from "./optimizers/optimizer-of.ts";
export type { Optimizer, OptimizerState } from "./optimizers/optimizer.ts";
export { rmsprop, type RmspropSpec } from "./optimizers/rmsprop.ts";
export {
  checkSchedule,
  type ConstantSchedule,
  type CosineSchedule,
  learningRateAt,
  type RewarmUpSchedule,
  type Schedule,
  type StepSchedule,
  type WarmUpSchedule,
} from "./optimizers/schedule.ts";
export type { OptimizerSettings } from "./optimizers/settings.ts";
export { sgd, type SgdSpec } from "./optimizers/sgd.ts";
export type { Backend } from "./runtime/runtime.ts";
export type { ExecutionPlan } from "./sessions/execution-plan.ts";
export type {
  InferenceOptions,
  InferenceSession,
  Prediction,
  StateVersion,
  VersionedState,
} from "./sessions/inference-session.ts";
export { openInference } from "./sessions/open-inference.ts";
export { openTrainingSession } from "./sessions/open-training-session.ts";
export type {
  StepResult,
  TrainingBatch,
  TrainingCheckpoint,
  TrainingOptions,
  TrainingSession,
} from "./sessions/training-session.ts";
