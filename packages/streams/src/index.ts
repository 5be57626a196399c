/**
 * Where samples come from, and the durable history of those already seen.
 * @module
 */
export type { BrokerOptions, BrokerSource } from "./broker/broker-source.ts";
export type { KafkaTopicOptions } from "./broker/kafka-reader.ts";
export { kafkaSource, type KafkaSourceOptions } from "./broker/kafka-source.ts";
export { KIND_HEADER } from "./broker/message-kind.ts";
export type { NatsStreamOptions } from "./broker/nats-connection.ts";
export { natsSource, type NatsSourceOptions } from "./broker/nats-source.ts";
export { digits, type DigitsDrift, type DigitsOptions } from "./digits/digits.ts";
export { hyperplane, type HyperplaneOptions } from "./drift/hyperplane.ts";
export { rotated, type RotationOptions } from "./drift/rotated.ts";
export { sea, SEA_CONCEPTS, type SeaConcept, type SeaOptions } from "./drift/sea.ts";
export { type FeatureShiftOptions, shiftedFeatures } from "./drift/shifted-features.ts";
export { type LabelSwapOptions, swappedLabels } from "./drift/swapped-labels.ts";
export { type ErasableStores, eraseSample, type Erasure } from "./erasure/erase-sample.ts";
export { isErased } from "./erasure/erased-sample.ts";
export { openWaitingSamples, type WaitingSamples } from "./erasure/open-waiting-samples.ts";
export {
  BrokerError,
  type BrokerFault,
  DuplicateSampleError,
  HistoryUnreadableError,
  HistoryVersionError,
  HistoryWriteError,
  InboxBatchError,
  InboxFullError,
  InboxPositionError,
  InboxUnreadableError,
  InboxVersionError,
  InboxWriteError,
  JournalUnreadableError,
  JournalVersionError,
  JournalWriteError,
  LabelBacklogError,
  LabelsUnreadableError,
  LabelsVersionError,
  LabelsWriteError,
  QuarantineFullError,
  QuarantineUnreadableError,
  QuarantineVersionError,
  SourceCountError,
  SourceFormatError,
  SourceGzipError,
  SourceLabelError,
  SourceRowError,
  SourceSizeError,
  SourceUnreadableError,
  TableSchemaError,
} from "./errors.ts";
export {
  type CacheReadOptions,
  type CacheUse,
  FeatureCache,
  type FeatureCacheOptions,
  type RawReader,
} from "./features/feature-cache.ts";
export { uniformUtilisation, windowUtilisation } from "./features/utilisation.ts";
export type { History, SampleFacts } from "./history/history.ts";
export { memoryHistory } from "./history/memory-history.ts";
export { type HistoryOptions, openHistory } from "./history/sqlite-history.ts";
export type {
  Inbox,
  InboxCounts,
  InboxItem,
  InboxOptions,
  InboxReceipt,
  InboxRow,
} from "./inbox/inbox.ts";
export type { MessageSchema, TensorSchema } from "./inbox/message-schema.ts";
export { openInbox } from "./inbox/open-inbox.ts";
export {
  type PushBatch,
  type PushOptions,
  pushSource,
  type PushSource,
} from "./inbox/push-source.ts";
export {
  type JournalRecord,
  type JournalRecords,
  type JournalRecordsOptions,
  openJournalRecords,
} from "./journal/journal-records.ts";
export { delayedLabels, type StreamEvent } from "./labels/delayed-labels.ts";
export type {
  ArrivedLabel,
  JoinedPrediction,
  LabelEvent,
  LabelFate,
  LabelJoin,
  LabelJoinOptions,
  LabelStats,
  LabelTurn,
  PendingPrediction,
  Prediction,
  PredictionFate,
  TakeOptions,
} from "./labels/label-join.ts";
export type { LagSummary } from "./labels/lag-histogram.ts";
export { memoryLabelJoin } from "./labels/memory-label-join.ts";
export { openLabelJoin, type SqliteLabelJoinOptions } from "./labels/sqlite-label-join.ts";
export { memoryQuarantine, type QuarantineOptions } from "./quarantine/memory-quarantine.ts";
export type {
  BrokenRow,
  Quarantine,
  QuarantinedRow,
  QuarantineListing,
} from "./quarantine/quarantine.ts";
export {
  type Replay,
  type ReplayedRows,
  type ReplayOptions,
  replayQuarantine,
  type RowCheck,
} from "./quarantine/replay.ts";
export { openQuarantine, type SqliteQuarantineOptions } from "./quarantine/sqlite-quarantine.ts";
export type { ReplayedSample, ReplayedSamples } from "./replays/replayed-samples.ts";
export { openReplayedSamples } from "./replays/sqlite-replayed-samples.ts";
export { type ReplayPlaces, withReplays } from "./replays/with-replays.ts";
export { cifar10 } from "./sources/cifar10.ts";
export { csv } from "./sources/csv.ts";
export type {
  CsvColumn,
  CsvFileOptions,
  CsvNumbersOptions,
  CsvOptions,
  CsvSchemaOptions,
} from "./sources/csv-options.ts";
export { idx, type IdxOptions } from "./sources/idx.ts";
export {
  imageFolder,
  type ImageFolderOptions,
  type ImageFolderSource,
} from "./sources/image-folder.ts";
export { jsonLines, type JsonLinesOptions } from "./sources/json-lines.ts";
export { mnist, type Split } from "./sources/mnist.ts";
export { parquet, type ParquetOptions } from "./sources/parquet.ts";
export type { Arrival, Following, FollowingCounts, UnlabelledSample } from "./sources/following.ts";
export { closeSource, type ReadOptions, type Source } from "./sources/source.ts";
export { type CheckedRow, checkRow, type Row, type RowRules } from "./tables/check-row.ts";
export { type InferOptions, inferTableSchema, type SchemaOptions } from "./tables/infer-schema.ts";
export { checkJsonRow } from "./tables/json-row.ts";
export type { FaultKind, RowFault } from "./tables/row-fault.ts";
export {
  checkTableSchema,
  type EventTimeColumn,
  type IdColumn,
  type LabelColumn,
  type NumberColumn,
  rawFeaturesOf,
  sampleSchemaOf,
  type TableColumn,
  type TableSchema,
  type TextColumn,
} from "./tables/table-schema.ts";
export {
  type IterationUse,
  openSampleUses,
  type SampleUse,
  type SampleUses,
} from "./uses/sample-uses.ts";
