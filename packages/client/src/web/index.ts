/**
 * A served model inside a page, always at its newest version: the names of the Node entry, with the
 * replica in a Web Worker.
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
export { httpTransport, indexedDbReplicaStore, webSocketTransport } from "./placed.ts";
export {
  importPublicKey,
  type Prediction,
  type ReplicaStatus,
  type ReplicaStore,
  type Runtime,
  type RuntimeSession,
  type SignaturePolicy,
  type Snapshot,
  type StateName,
  type Transport,
} from "@everfresh/sync";
