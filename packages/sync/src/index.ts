/**
 * What crosses the wire: the update format, the feed that publishes and the replica that follows.
 * Portable: the same in Node, browsers and edges.
 * @module
 */
export { PARAMETERS_MAX } from "./codec/limits.ts";
export { checkManifest, decodeManifest, encodeManifest } from "./codec/manifest-codec.ts";
export { mergeUpdates } from "./codec/merge-updates.ts";
export {
  importPublicKey,
  importSigningKey,
  keyName,
  type PublicKey,
  type SigningKey,
} from "./codec/signing-keys.ts";
export { decodeSnapshot, encodeSnapshot } from "./codec/snapshot-codec.ts";
export {
  decodeUpdate,
  type DecodeUpdateOptions,
  encodeUpdate,
  type EncodeUpdateOptions,
} from "./codec/update-codec.ts";
export {
  hashManifest,
  signManifest,
  signSnapshot,
  verifyManifest,
  verifySnapshot,
} from "./codec/state-signature.ts";
export { readUpdateHeader, type UpdateHeader } from "./codec/update-header.ts";
export { type UpdateParts, updateParts } from "./codec/update-parts.ts";
export { type SignaturePolicy, signUpdate, verifyUpdate } from "./codec/update-signature.ts";
export type { DriftPage, DriftPoint, DriftView, WebhookStatus } from "./drift-view.ts";
export type {
  DriftActionRecord,
  DriftFamilyStatus,
  DriftPosition,
  DriftRecord,
  DriftSignalStatus,
  DriftStatus,
  DriftVerdict,
  MovedPart,
  SignalMovement,
} from "@everfresh/core";
export {
  ConnectError,
  CorruptManifestError,
  CorruptSnapshotError,
  CorruptUpdateError,
  LogCorruptError,
  LogGapError,
  LogLockedError,
  LogUnavailableError,
  ProtocolError,
  ReplicaClosedError,
  ReplicaStoreError,
  type SignatureFault,
  SigningKeyError,
  SigningUnavailableError,
  TransportError,
  UnsupportedFormatError,
  UpdateSignatureError,
  VersionNotKeptError,
} from "./errors.ts";
export type { MaybePromise, MissingUpdates, UpdateHistory } from "./feed/catch-up.ts";
export { Feed, type FeedOptions, type PublishListener } from "./feed/feed.ts";
export {
  FEED_LIMITS,
  type FeedAck,
  type FeedConnection,
  type FeedLimits,
  type FeedReplica,
  type FeedSession,
} from "./feed/feed-connection.ts";
export type { SealedState } from "./feed/feed-state.ts";
export type { PublishedUpdate } from "./feed/recent-updates.ts";
export { type Manifest, type NamedShape, type Snapshot, stateOfSnapshot } from "./manifest.ts";
export { REPLICA_MESSAGE_BYTES_MAX } from "./protocol/message.ts";
export { BACKOFF_LIMITS, type BackoffLimits } from "./replica/backoff.ts";
export { CONNECT_TIMEOUT_MS, REPLICA_LIMITS } from "./replica/replica-limits.ts";
export { indexedDbReplicaStore } from "./replica/indexed-db-store.ts";
export { LatestValue } from "./replica/latest-value.ts";
export { openReplica } from "./replica/open-replica.ts";
export type { Replica, ReplicaFault, ReplicaOptions, ReplicaStatus } from "./replica/replica.ts";
export type { ReplicaStore, StoredReplica } from "./replica/replica-store.ts";
export { replicaStoreIn, type StoreFiles } from "./replica/store-files.ts";
export type { ReplicaLimits, ReplicaPhase } from "./replica/replica-machine.ts";
export type { Prediction, Runtime, RuntimeSession, StateName } from "./replica/runtime.ts";
export type {
  FeatureStatus,
  IntakeStatus,
  LabelStatus,
  ModelScores,
  ModelStatus,
  ReplicaInfo,
  RetrainingStatus,
  ScoreValues,
  StateScores,
  StatusPoint,
  StrategyStatus,
} from "./status.ts";
export { systemTimers, type Timers } from "./timers.ts";
export {
  type MemoryFaults,
  MemoryTransport,
  type MemoryTransportOptions,
} from "./transport/memory-transport.ts";
export type { SegmentArchiveOptions } from "./transport/http/segment-archive.ts";
export type { ArchivedSegment, SegmentStore } from "./transport/http/segment-store.ts";
export { HttpFeed, type HttpFeedAnswer, type HttpFeedRequest } from "./transport/http/http-feed.ts";
export type { Fetch, FetchedResponse } from "./transport/http/http-requests.ts";
export { httpTransport, type HttpTransportOptions } from "./transport/http/http-transport.ts";
export type { Connection, Transport } from "./transport/transport.ts";
export { webSocketTransport } from "./transport/websocket-transport.ts";
