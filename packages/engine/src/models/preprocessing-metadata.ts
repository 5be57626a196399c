/** Preprocessing on its way through a model file: as texts by name, beside the graph that follows it. */
import {
  type FeatureStatistics,
  type ModelState,
  type Preprocessing,
  preprocessingOf,
  type Preprocessor,
  preprocessorOf,
  ShapeError,
} from "@everfresh/core";
import { InvalidModelError } from "../errors.ts";
import { readMetadata } from "../onnx/read.ts";

/** Names of the texts. */
const KEYS = { preprocessing: "preprocessing", statistics: "statistics" } as const;

/** What a model file says about its preprocessing. */
export interface FiledPreprocessing {
  readonly preprocessor: Preprocessor;
  /** As they were in the state that was written; none where the transform learns nothing. */
  readonly statistics: FeatureStatistics;
}

/**
 * A preprocessing and the statistics that a state has for it, as texts for a model file: JSON of the
 * description, and of the statistics by name, each `[first parts, second parts]` per channel, whose sums
 * are the values. Numbers are written so that they are read back to the bit.
 * @throws ShapeError when the state lacks a statistic
 */
export function preprocessingMetadata(
  preprocessing: Preprocessing,
  state: ModelState,
): Readonly<Record<string, string>> {
  const preprocessor = preprocessorOf(preprocessing);
  const description = { [KEYS.preprocessing]: JSON.stringify(preprocessing) };
  if (preprocessor.statistics.length === 0) return description;
  const values = preprocessor.statisticsIn(state);
  const entries = preprocessor.statistics.map(({ name }, i) => {
    const parts = values[i] ?? new Float32Array(0);
    const half = parts.length / 2;
    return `${JSON.stringify(name)}:[${numbers(parts.subarray(0, half))},${numbers(parts.subarray(half))}]`;
  });
  return { ...description, [KEYS.statistics]: `{${entries.join(",")}}` };
}

/**
 * The preprocessing that an ONNX file carries, as `everfresh export` writes it; null where there is
 * none.
 * @throws InvalidModelError when the bytes are not an ONNX model, or what they say of preprocessing is
 *   not what {@link preprocessingMetadata} writes
 */
export function importPreprocessing(bytes: Uint8Array): FiledPreprocessing | null {
  return preprocessingIn(readMetadata(bytes));
}

/**
 * The preprocessing in the texts of a model file, such as `decodeSafetensors` gives; null where there
 * is none.
 * @throws InvalidModelError when they are not what {@link preprocessingMetadata} writes
 */
export function preprocessingIn(
  metadata: Readonly<Record<string, string>>,
): FiledPreprocessing | null {
  const { preprocessing: description, statistics = "{}" } = metadata;
  if (description === undefined) return null;
  try {
    const preprocessor = preprocessorOf(preprocessingOf(JSON.parse(description)));
    const filed = JSON.parse(statistics) as Readonly<Record<string, unknown>>;
    const values = preprocessor.statistics.map(({ name, shape }) => {
      const parts = filed[name];
      const flat = Array.isArray(parts) ? (parts.flat() as unknown[]) : [];
      const isRight = flat.length === 2 * (shape[1] ?? 0) && flat.every(Number.isFinite);
      if (!isRight) throw new ShapeError(`its statistics lack "${name}"`, { name });
      return Float32Array.from(flat as number[]);
    });
    return { preprocessor, statistics: values };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InvalidModelError(`What the file says of preprocessing is wrong: ${reason}`, cause);
  }
}

/** JSON of float32 numbers, whose shortest decimal as float64 is exact; −0 stays −0. */
function numbers(values: Float32Array): string {
  return `[${Array.from(values, (value) => (Object.is(value, -0) ? "-0" : String(value))).join(",")}]`;
}
