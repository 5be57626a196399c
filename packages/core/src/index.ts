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
  inputShapeOf,
  numeric,
  type NumericPreprocessing,
  preprocessBatch,
  preprocessInto,
  type Preprocessing,
} from "./preprocessing.ts";
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
