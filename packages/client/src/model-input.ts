import {
  type Features,
  type Preprocessing,
  type RawFeatures,
  rawSizeOf,
  type RowValue,
  ShapeError,
} from "@everfresh/core";

import { InputKindError } from "./errors.ts";
import { rowFeatures, seriesFeatures } from "./table-input.ts";

/** One sample to predict, as raw as those that training learns from. */
export type ModelInput =
  /** Pixels 0 to 255, planes one after another (channel, row, column), as the manifest says. */
  | { readonly image: Uint8Array }
  /** The numbers of a sample, as many as the manifest says; NaN where a pipeline may lack one. */
  | { readonly features: Float32Array | readonly number[] }
  /** Values by the names of the pipeline's columns; what is null or left out is missing. */
  | { readonly row: Readonly<Record<string, RowValue>> }
  /** Rows of numbers over time, oldest first, as many as the pipeline says. */
  | { readonly series: readonly (Float32Array | readonly number[])[] };

/** What each kind of raw features is given as. */
const TAKEN: { readonly [K in RawFeatures["kind"]]: readonly string[] } = {
  image: ["image"],
  numbers: ["features", "row"],
  row: ["row"],
  series: ["series", "features"],
};

/**
 * The raw features of a sample.
 * @throws InputKindError for an input of another kind than the model takes
 * @throws ShapeError for one of another size, or a value of another kind than its column
 */
export function featuresOf(preprocessing: Preprocessing, input: ModelInput | Features): Features {
  if (ArrayBuffer.isView(input)) return input;
  const raw = rawOf(preprocessing);
  const given = Object.keys(input);
  const taken = TAKEN[raw.kind];
  if (!taken.some((kind) => given.includes(kind))) {
    throw new InputKindError(
      `Model takes { ${taken.join(" } or { ")} }, got { ${given.join(", ")} }`,
    );
  }
  if ("image" in input) return input.image;
  if ("features" in input) return Float32Array.from(input.features);
  return "row" in input ? rowFeatures(raw, input.row) : seriesFeatures(raw, input.series);
}

/**
 * Raw features of many samples one after another, in memory of their own.
 * @throws InputKindError for numbers where bytes are wanted
 * @throws ShapeError for a sample of another size
 */
export function packedFeatures(
  preprocessing: Preprocessing,
  samples: readonly Features[],
): Features {
  const { kind } = rawOf(preprocessing);
  const size = rawSizeOf(preprocessing);
  const areBytes = samples.every((sample) => sample instanceof Uint8Array);
  if (!areBytes && (kind === "image" || kind === "row")) {
    throw new InputKindError(
      kind === "image"
        ? "Model takes images: pixels 0 to 255 as Uint8Array"
        : "Model takes { row }, or rows as bytes",
    );
  }
  const length = samples.length * size;
  const packed = areBytes ? new Uint8Array(length) : new Float32Array(length);
  for (const [i, sample] of samples.entries()) {
    if (sample.length !== size) {
      throw new ShapeError(`Sample has ${sample.length} values, the model takes ${size}`, {
        expected: size,
        actual: sample.length,
      });
    }
    packed.set(sample, i * size);
  }
  return packed;
}

/** What raw features are, whatever the kind of preprocessing. */
function rawOf(preprocessing: Preprocessing): RawFeatures {
  if (preprocessing.kind === "pipeline") return preprocessing.raw;
  return preprocessing.kind === "image" ? preprocessing : NAMELESS;
}

// Numbers without names cannot be given by names.
const NAMELESS: RawFeatures = { kind: "numbers", columns: [] };
