/**
 * A served model inside an edge runtime, always at its newest version: no Node, no workers, no code
 * made while it runs. What computes is given by the caller.
 * @module
 */
export type { ClassPrediction, Client } from "../client.ts";
export type { ConnectOptions } from "../connect-options.ts";
export type { ConnectTarget } from "../connect-target.ts";
export { InputKindError, InvalidUrlError, TooManyPredictionsError } from "../errors.ts";
export type { ModelInput } from "../model-input.ts";
export { webSocketUrl } from "../model-url.ts";
export { softmax } from "../softmax.ts";
export { connect } from "./connect.ts";
export { inThreadRuntime } from "./in-thread-runtime.ts";
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
