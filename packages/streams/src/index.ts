/**
 * Where samples come from, and the durable history of those already seen.
 * @module
 */
export { digits, type DigitsDrift, type DigitsOptions } from "./digits/digits.ts";
export {
  DuplicateSampleError,
  HistoryUnreadableError,
  HistoryVersionError,
  HistoryWriteError,
  LabelBacklogError,
  LabelsUnreadableError,
  LabelsVersionError,
  LabelsWriteError,
  SourceCountError,
  SourceFormatError,
  SourceGzipError,
  SourceLabelError,
  SourceSizeError,
  SourceUnreadableError,
} from "./errors.ts";
export type { History, SampleFacts } from "./history/history.ts";
export { memoryHistory } from "./history/memory-history.ts";
export { type HistoryOptions, openHistory } from "./history/sqlite-history.ts";
export { delayedLabels, type StreamEvent } from "./labels/delayed-labels.ts";
export type {
  ArrivedLabel,
  JoinedPrediction,
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
export { cifar10 } from "./sources/cifar10.ts";
export { idx, type IdxOptions } from "./sources/idx.ts";
export { mnist, type Split } from "./sources/mnist.ts";
export type { ReadOptions, Source } from "./sources/source.ts";
