import type { DType } from "./dtype.ts";
import type { Shape } from "./tensor.ts";

/** The raw features of one sample, before preprocessing. */
export type Features = Uint8Array | Float32Array;

/** One example: what came in, when, and what it turned out to be. */
export interface Sample {
  /** Unique in its stream; a late label refers to it. */
  readonly id: string;
  /** When it happened, in milliseconds since the Unix epoch. */
  readonly eventTimeMs: number;
  /** Raw values, as many as the schema's shape says. */
  readonly features: Features;
  /** Class index from 0. */
  readonly label: number;
}

/** What the samples of a source look like. */
export interface SampleSchema {
  /** Element type and shape of the raw features of one sample. */
  readonly features: { readonly dtype: Extract<DType, "uint8" | "float32">; readonly shape: Shape };
  /** The classes that labels count through. */
  readonly target: ClassTarget;
}

/** A classification target. */
export interface ClassTarget {
  readonly kind: "classes";
  /** How many classes; labels are 0 to `count` − 1. */
  readonly count: number;
  /** Names of the classes in order, for people. */
  readonly labels: readonly string[];
}

/**
 * A classification target; without names the classes are called "0", "1", ...
 * @throws RangeError when `count` is not a whole number of 2 or more, or the names are not `count`.
 */
export function classes(count: number, labels?: readonly string[]): ClassTarget {
  if (!Number.isSafeInteger(count) || count < 2) {
    throw new RangeError(`classes() needs a whole number of 2 or more, got ${count}`);
  }
  if (labels !== undefined && labels.length !== count) {
    throw new RangeError(`classes(${count}) got ${labels.length} names`);
  }
  return {
    kind: "classes",
    count,
    labels: labels ?? Array.from({ length: count }, (_, i) => `${i}`),
  };
}
