/**
 * Where samples come from, and the durable history of those already seen.
 * @module
 */
export { digits, type DigitsDrift, type DigitsOptions } from "./digits/digits.ts";
export { hyperplane, type HyperplaneOptions } from "./drift/hyperplane.ts";
export { rotated, type RotationOptions } from "./drift/rotated.ts";
export { sea, SEA_CONCEPTS, type SeaConcept, type SeaOptions } from "./drift/sea.ts";
export { type FeatureShiftOptions, shiftedFeatures } from "./drift/shifted-features.ts";
export { type LabelSwapOptions, swappedLabels } from "./drift/swapped-labels.ts";
export {
  DuplicateSampleError,
  HistoryUnreadableError,
  HistoryVersionError,
  HistoryWriteError,
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
  SourceValueError,
  TableSchemaError,
} from "./errors.ts";
export {
  type CacheUse,
  FeatureCache,
  type FeatureCacheOptions,
  type RawReader,
} from "./features/feature-cache.ts";
export { uniformUtilisation, windowUtilisation } from "./features/utilisation.ts";
export type { History, SampleFacts } from "./history/history.ts";
export { memoryHistory } from "./history/memory-history.ts";
export { type HistoryOptions, openHistory } from "./history/sqlite-history.ts";
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
  Prediction,
  PredictionFate,
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
export { type Replay, type ReplayOptions, replayQuarantine } from "./quarantine/replay.ts";
export { openQuarantine, type SqliteQuarantineOptions } from "./quarantine/sqlite-quarantine.ts";
export { cifar10 } from "./sources/cifar10.ts";
export { csv, type CsvColumn, type CsvOptions } from "./sources/csv.ts";
export { idx, type IdxOptions } from "./sources/idx.ts";
export { imageFolder, type ImageFolderOptions } from "./sources/image-folder.ts";
export { jsonLines, type JsonLinesOptions } from "./sources/json-lines.ts";
export { mnist, type Split } from "./sources/mnist.ts";
export { parquet, type ParquetOptions } from "./sources/parquet.ts";
export type { ReadOptions, Source } from "./sources/source.ts";
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
