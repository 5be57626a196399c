/**
 * A served model inside your own process, always at its newest version.
 * @module
 */
export type { ClassPrediction, Client, ModelInput } from "./client.ts";
export { connect, type ConnectOptions } from "./connect.ts";
export { engineRuntime } from "./engine-runtime.ts";
export { InputKindError, InvalidUrlError, TooManyPredictionsError } from "./errors.ts";
export { webSocketUrl } from "./model-url.ts";
export { softmax } from "./softmax.ts";
export {
  httpTransport,
  importPublicKey,
  indexedDbReplicaStore,
  type ReplicaStatus,
  type ReplicaStore,
  type SignaturePolicy,
  webSocketTransport,
} from "@everfresh/sync";
