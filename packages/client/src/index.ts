/**
 * A served model inside your own process, always at its newest version.
 * @module
 */
export type { ClassPrediction, Client } from "./client.ts";
export { connect } from "./connect.ts";
export type { ConnectOptions } from "./connect-options.ts";
export type { ConnectTarget } from "./connect-target.ts";
export { engineRuntime } from "./engine-runtime.ts";
export { InputKindError, InvalidUrlError, TooManyPredictionsError } from "./errors.ts";
export type { ModelInput } from "./model-input.ts";
export { webSocketUrl } from "./model-url.ts";
export { softmax } from "./softmax.ts";
export {
  httpTransport,
  importPublicKey,
  indexedDbReplicaStore,
  type Prediction,
  type ReplicaStatus,
  type ReplicaStore,
  type Runtime,
  type RuntimeSession,
  type SignaturePolicy,
  type Snapshot,
  type StateName,
  type Transport,
  webSocketTransport,
} from "@everfresh/sync";
