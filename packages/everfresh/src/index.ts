/**
 * What an `everfresh.config.ts` imports, and the program for those who embed it.
 * @module
 */
export {
  type ConfigContext,
  defineModel,
  type EvaluationOptions,
  type ModelDefinition,
  type SourceFactory,
} from "./config/define-model.ts";
export type { DriftConfig } from "./config/drift.ts";
export type { WebhookTarget } from "./webhook/webhook.ts";
export { lateLabels, type LateLabelsConfig, type LateLabelsOptions } from "./config/late-labels.ts";
export {
  fullRetraining,
  type FullRetrainingOptions,
  online,
  type OnlineOptions,
  proactive,
  type ProactiveOptions,
} from "./config/strategies.ts";
export {
  type BudgetSpec,
  classBalancedSampling,
  defaultSignals,
  type DriftActionSpec,
  type DriftResponse,
  type DriftSpec,
  type DriftVote,
  type FeatureCacheSpec,
  frozen,
  inverseCountSampling,
  type MonitoredSignalSpec,
  newOnlyByChanceSampling,
  noSampling,
  reservoirSampling,
  rollingSampling,
  type SamplerSpec,
  type StrategySpec,
  timeBasedSampling,
  type TriggerSpec,
  uniformSampling,
  windowSampling,
} from "@everfresh/learn";
export {
  sparseGradients,
  type GradientDeploymentSpec,
  type SparseGradientDeployment,
  type SparseGradientOptions,
  type WarmUp,
} from "./config/sparse-gradients.ts";
export type { Deployment } from "./config/deployment.ts";
export {
  sparse,
  type SparseChoice,
  type SparseDeployment,
  type SparseOptions,
  type SparseValues,
} from "./config/sparse.ts";
export { digitsModel, type DigitsModelOptions } from "./config/digits-model.ts";
export type { LoadedConfig } from "./config/load-config.ts";
export { nats, type NatsOptions, type NatsPublication } from "./config/nats.ts";
export { pastSamples, type PastSamplesOptions } from "./config/past-samples.ts";
export {
  cifar10,
  type Configured,
  type ConfiguredInbox,
  csv,
  digits,
  idx,
  imageFolder,
  jsonLines,
  kafkaTopic,
  mnist,
  natsStream,
  parquet,
  push,
  type PushConfig,
  rotated,
  sea,
  type TokenPushSource,
} from "./config/source-factories.ts";
export { rawFeaturesOf, type TableColumn, type TableSchema } from "@everfresh/streams";
export { runModel } from "./run/run-model.ts";
export type { FinishedTraining, RunModelOptions } from "./run/run-options.ts";
export type { RunEvent } from "./run/run-events.ts";
export {
  type Augmentation,
  type Branch,
  bytePairOf,
  classes,
  image,
  numeric,
  type Pipeline,
  pipeline,
  type RawFeatures,
} from "@everfresh/core";
export {
  adagrad,
  adam,
  adamW,
  densenet161,
  dlrmSmall,
  freeze,
  importModel,
  lenet5,
  lstmClassifier,
  mlp,
  mobilenetV2,
  type OptimizerSpec,
  replaceHead,
  resnet18,
  resnet20,
  resnet50,
  rmsprop,
  type Schedule,
  sgd,
  transformerEncoder,
} from "@everfresh/engine";
