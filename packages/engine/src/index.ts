/**
 * Trains and runs ONNX models: ONNX graph to gradient graph to training step, on ONNX Runtime.
 * @module
 */
export type { LossSpec } from "./autodiff/loss.ts";
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
export { exportModel } from "./models/export-model.ts";
export { importModel } from "./models/import-model.ts";
export { inferenceGraph } from "./models/inference-graph.ts";
export { lenet5, type Lenet5Options } from "./models/lenet5.ts";
export { mlp, type MlpOptions } from "./models/mlp.ts";
export type { Model, ModelPort } from "./models/model.ts";
export { adam, type AdamSpec } from "./optimizers/adam.ts";
export { optimizerOf, type OptimizerSpec } from "./optimizers/optimizer-of.ts";
export type { Optimizer, OptimizerState } from "./optimizers/optimizer.ts";
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
