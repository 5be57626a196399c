/**
 * The vocabulary of Everfresh. Portable: no I/O, no dependencies, the same in Node, browsers and edges.
 * @module
 */
export { BFLOAT16_MAX, fromBfloat16Bits, roundToBfloat16, toBfloat16Bits } from "./bfloat16.ts";
export { type Clock, ManualClock, systemClock } from "./clock.ts";
export { crc32 } from "./crc32.ts";
export { deployCopy, DeployedState } from "./deployed-state.ts";
export {
  bytesPerElement,
  type DataByDType,
  type DType,
  isDType,
  type TensorData,
  viewOf,
} from "./dtype.ts";
export type {
  DriftActionRecord,
  DriftCounts,
  DriftFamilyStatus,
  DriftPosition,
  DriftRecord,
  DriftSignalStatus,
  DriftStatus,
  DriftVerdict,
  DriftVerdictReport,
  MovedPart,
  SignalFamily,
  SignalMovement,
} from "./drift-status.ts";
export {
  assert,
  type ErrorDetails,
  EverfreshError,
  type EverfreshErrorOptions,
  FingerprintMismatchError,
  ShapeError,
  ValueRangeError,
  VersionGapError,
} from "./errors.ts";
export { type Fingerprint, fingerprintOf } from "./fingerprint.ts";
export { FLOAT16_MAX, fromFloat16Bits, roundToFloat16, toFloat16Bits } from "./float16.ts";
export {
  image,
  type ImageOptions,
  type ImagePreprocessing,
  numeric,
  type NumericOptions,
  type NumericPreprocessing,
  type PlainPreprocessing,
  plainShapeOf,
  type Preprocessing,
  standardised,
} from "./preprocessing.ts";
export { bytePairOf, type BytePairVocabulary } from "./preprocessing/byte-pair.ts";
export {
  checkStatistics,
  type FeatureStatistics,
  statisticsChanges,
  statisticsIn,
} from "./preprocessing/feature-statistics.ts";
export {
  type Augmentation,
  type Branch,
  type ClipStep,
  type Encoder,
  type HashedEncoder,
  type HashedVocabulary,
  type ImputeStep,
  type MinMaxStep,
  type OneHotEncoder,
  type Pipeline,
  pipeline,
  type PipelineOptions,
  type RawFeatures,
  type RawImage,
  type RawNumbers,
  type RawRow,
  type RawSeries,
  type ResizeStep,
  type ScaleStep,
  type StandardiseStep,
  type Step,
  type TokenEncoder,
} from "./preprocessing/pipeline.ts";
export { loadPreprocessor } from "./preprocessing/load-preprocessor.ts";
export { pipelineOf } from "./preprocessing/pipeline-of.ts";
export { preprocessingOf } from "./preprocessing/preprocessing-of.ts";
export type { Preprocessor, TransformMode } from "./preprocessing/preprocessor.ts";
export { inputShapeOf, preprocessBatch, preprocessorOf } from "./preprocessing/preprocessor-of.ts";
export { rawSizeOf } from "./preprocessing/raw-size.ts";
export { samplesIn } from "./preprocessing/samples-in.ts";
export { SeriesWindow } from "./preprocessing/series-window.ts";
export { isFeatureStatistic } from "./preprocessing/statistic-name.ts";
export { rowBytesOf, type RowColumn } from "./preprocessing/row-layout.ts";
export { decodeRow, encodeRow, type RowValue, TEXT_BYTES_MAX } from "./preprocessing/table-row.ts";
export { philox, Random, type RandomPosition, streamOf } from "./random.ts";
export {
  classes,
  type ClassTarget,
  type Features,
  type Sample,
  type SampleSchema,
} from "./sample.ts";
export {
  cloneState,
  copyState,
  createState,
  dataOf,
  type ModelState,
  stateBytes,
  stateLayout,
  type StateLayout,
  stateOn,
  type StateOptions,
  type StateRole,
  type StateTensor,
  type StateTensorSpec,
  stateWithin,
  tensorOf,
} from "./state.ts";
export type { MoveKernel, StateMovers } from "./state-movers.ts";
export { type Shape, sizeOf, tensor, type Tensor, zeros } from "./tensor.ts";
export {
  type AbsoluteType,
  type BufferChange,
  type IncrementType,
  INT8_BLOCK,
  isAbsolute,
  isEventTime,
  isIncrement,
  isSendable,
  roundTo,
  type StateChange,
  type Update,
  type ValueType,
} from "./update.ts";
export { checkEntries, type EntryRun, entryRuns, int8Of } from "./update-values.ts";
