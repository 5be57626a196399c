import {
  type Fields,
  fields,
  flag,
  kinds,
  list,
  number,
  text,
  typed,
} from "./description-check.ts";
import type { Encoder, Pipeline, RawFeatures, Step } from "./pipeline.ts";

const RAW: { readonly [K in RawFeatures["kind"]]: Fields } = {
  numbers: { columns: list(text) },
  row: { columns: list(kinds({ number: { name: text }, text: { name: text, bytesMax: number } })) },
  image: { width: number, height: number, channels: number },
  series: { length: number, channels: number },
};

const VOCABULARIES: { readonly [K in "bytePair" | "hashing"]: Fields } = {
  bytePair: { tokens: list(text), merges: list(text), prefixSpace: flag },
  hashing: { size: number },
};

const ENCODERS: { readonly [K in Encoder["kind"]]: Fields } = {
  oneHot: { categories: list(list(text)), "other?": flag, "missing?": text },
  hashed: { size: number, "signed?": flag },
  tokens: { vocabulary: kinds(VOCABULARIES), length: number, "padding?": number },
};

const STEPS: { readonly [K in Step["kind"]]: Fields } = {
  standardise: { "memorySamples?": number },
  minMax: { "low?": number, "high?": number, "clip?": flag },
  impute: {
    with: typed('"mean" or a number', (value) => value === "mean" || typeof value === "number"),
  },
  scale: { "unit?": number, "mean?": list(number), "std?": list(number) },
  clip: { low: number, high: number },
  resize: {
    width: number,
    height: number,
    "method?": typed("a method", (value) =>
      ["bilinear", "area", "nearest"].includes(String(value)),
    ),
  },
};

const BRANCH: Fields = {
  "columns?": list(text),
  "encoder?": kinds(ENCODERS),
  "steps?": list(kinds(STEPS)),
};

const AUGMENTATION: Fields = {
  "flip?": flag,
  "shiftPixels?": number,
  "fill?": number,
  "contrast?": number,
  "brightness?": number,
};

const PIPELINE: Fields = {
  kind: typed('"pipeline"', (value) => value === "pipeline"),
  version: typed("version 1, which this program reads", (value) => value === 1),
  raw: kinds(RAW),
  branches: list(fields(BRANCH)),
  "augmentation?": fields(AUGMENTATION),
};

/**
 * The pipeline that JSON from outside describes, with every field checked; whether its steps fit is
 * another question.
 * @throws ShapeError that names the first field that is wrong
 */
export function pipelineFieldsOf(json: unknown): Pipeline {
  fields(PIPELINE)(json, "pipeline");
  return json as Pipeline;
}
