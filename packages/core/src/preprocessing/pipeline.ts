import type { BytePairVocabulary } from "./byte-pair.ts";
import type { RowColumn } from "./row-layout.ts";

/**
 * A transform with state, from raw features to the model's input: plain data that travels with the
 * model. Its statistics are buffers of the model's state, see `Preprocessor`.
 *
 *   raw features ─┬─► columns ─► encoder ─► steps ─┐
 *                 └─► columns ─────────────► steps ─┴─► one vector ─► augmentation (training only)
 */
export interface Pipeline {
  readonly kind: "pipeline";
  /** Format of this description. */
  readonly version: 1;
  /** What the features of a sample are. */
  readonly raw: RawFeatures;
  /** Transforms whose results stand one after another; a single one keeps its shape. */
  readonly branches: readonly Branch[];
  /** Random changes of images, in training only. */
  readonly augmentation?: Augmentation;
}

/** What raw features are before any step. */
export type RawFeatures = RawNumbers | RawRow | RawImage | RawSeries;

/** Numbers, NaN where one is missing. */
export interface RawNumbers {
  readonly kind: "numbers";
  /** Their names, which branches refer to. */
  readonly columns: readonly string[];
}

/** A row of a table as `encodeRow` writes it. */
export interface RawRow {
  readonly kind: "row";
  readonly columns: readonly RowColumn[];
}

/** 8-bit pixels, planes one after another (channel, row, column). */
export interface RawImage {
  readonly kind: "image";
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** 1 for grey, 3 for colour. */
  readonly channels: number;
}

/** Numbers over time: `length` rows of `channels` numbers, oldest first. */
export interface RawSeries {
  readonly kind: "series";
  readonly length: number;
  readonly channels: number;
}

/** One part of the model's input. */
export interface Branch {
  /**
   * Which columns, all of numbers or all of text. @default all of them
   */
  readonly columns?: readonly string[];
  /** From text to numbers; there if and only if the columns are text. */
  readonly encoder?: Encoder;
  /** One after another. @default none */
  readonly steps?: readonly Step[];
}

/** How texts become numbers. */
export type Encoder = OneHotEncoder | HashedEncoder | TokenEncoder;

/** A 1 at the place of the text in its column's list; unlisted and missing ones have none. */
export interface OneHotEncoder {
  readonly kind: "oneHot";
  /** For each column of the branch, its categories. */
  readonly categories: readonly (readonly string[])[];
  /** Whether each column has one more place, for texts that are not listed. @default false */
  readonly other?: boolean;
  /** What stands for a missing text. @default nothing */
  readonly missing?: string;
}

/**
 * Adds a sign at a place that the hash of `column=text` says; a missing text adds nothing.
 * Weinberger et al.: "Feature hashing for large scale multitask learning" (2009).
 */
export interface HashedEncoder {
  readonly kind: "hashed";
  /** How many places. */
  readonly size: number;
  /** Without signs each text adds 1. @default true */
  readonly signed?: boolean;
}

/** The ids of a text's first tokens, as float32; `padding` behind the last one. */
export interface TokenEncoder {
  readonly kind: "tokens";
  readonly vocabulary: BytePairVocabulary | HashedVocabulary;
  /** How many ids. */
  readonly length: number;
  /** Which id stands for no token. @default 0 */
  readonly padding?: number;
}

/** Words as ids by their hash, 1 to `size` − 1. */
export interface HashedVocabulary {
  readonly kind: "hashing";
  readonly size: number;
}

/** How numbers become other numbers; a missing one stays missing but for `impute`. */
export type Step = StandardiseStep | MinMaxStep | ImputeStep | ScaleStep | ClipStep | ResizeStep;

/** `(x − mean) / std` by the mean and standard deviation of all samples so far, per channel. */
export interface StandardiseStep {
  readonly kind: "standardise";
  /**
   * How many samples the past counts for at most: with it, statistics follow a stream that changes.
   * @default all
   */
  readonly memorySamples?: number;
}

/** From the smallest and largest number so far, per channel, to the range from `low` to `high`. */
export interface MinMaxStep {
  readonly kind: "minMax";
  /** @default 0 */
  readonly low?: number;
  /** @default 1 */
  readonly high?: number;
  /** Whether numbers outside of what was seen stay in the range. @default false */
  readonly clip?: boolean;
}

/** Puts a number where one is missing: the mean of all samples so far, per channel, or a constant. */
export interface ImputeStep {
  readonly kind: "impute";
  readonly with: "mean" | number;
}

/** `(x / unit − mean) / std` by given numbers, one for all channels or one for each. */
export interface ScaleStep {
  readonly kind: "scale";
  /** @default 1 */
  readonly unit?: number;
  /** @default [0] */
  readonly mean?: readonly number[];
  /** Not 0. @default [1] */
  readonly std?: readonly number[];
}

/** Keeps numbers from `low` to `high`. */
export interface ClipStep {
  readonly kind: "clip";
  readonly low: number;
  readonly high: number;
}

/**
 * Makes an image another size. `bilinear` between the four nearest pixels, centres at halves; `area`
 * averages all pixels that a new one covers, for smaller images; `nearest` takes one.
 */
export interface ResizeStep {
  readonly kind: "resize";
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** @default "bilinear" */
  readonly method?: "bilinear" | "area" | "nearest";
}

/** Random changes of an image after all steps, drawn anew for each sample of a training batch. */
export interface Augmentation {
  /** Left and right change places for half of the samples. @default false */
  readonly flip?: boolean;
  /** Moves by up to so many pixels in both directions. @default 0 */
  readonly shiftPixels?: number;
  /** What stands where an image has moved away from. @default 0 */
  readonly fill?: number;
  /** Multiplies by a factor between 1 − contrast and 1 + contrast. @default 0 */
  readonly contrast?: number;
  /** Adds a number between −brightness and brightness. @default 0 */
  readonly brightness?: number;
}

/** What {@link pipeline} takes: a description without its kind and version. */
export type PipelineOptions = Omit<Pipeline, "kind" | "version">;

/**
 * Describes a transform with state.
 * @example pipeline({
 *   raw: { kind: "numbers", columns: ["age", "hours"] },
 *   branches: [{ steps: [{ kind: "impute", with: "mean" }, { kind: "standardise" }] }],
 * })
 */
export function pipeline(options: PipelineOptions): Pipeline {
  return { kind: "pipeline", version: 1, ...options };
}
