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
  SourceCountError,
  SourceFormatError,
  SourceGzipError,
  SourceLabelError,
  SourceSizeError,
  SourceUnreadableError,
} from "./errors.ts";
export type { History } from "./history/history.ts";
export { memoryHistory } from "./history/memory-history.ts";
export { type HistoryOptions, openHistory } from "./history/sqlite-history.ts";
export { cifar10 } from "./sources/cifar10.ts";
export { idx, type IdxOptions } from "./sources/idx.ts";
export { mnist, type Split } from "./sources/mnist.ts";
export type { ReadOptions, Source } from "./sources/source.ts";
