import { ShapeError } from "../errors.ts";
import type { Encoder, Pipeline, RawFeatures, Step } from "./pipeline.ts";
import { preprocessorOf } from "./preprocessor.ts";

/** What a field of a description must be. */
type Check = (value: unknown, path: string) => void;

/** Fields by name; those whose name ends with "?" may be absent. */
type Fields = Readonly<Record<string, Check>>;

const number = typed("a number", (value) => typeof value === "number" && Number.isFinite(value));
const text = typed("text", (value) => typeof value === "string");
const flag = typed("true or false", (value) => typeof value === "boolean");

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
 * The pipeline that JSON from outside describes, with every field checked and its steps known to fit.
 * @throws ShapeError that names the first field that is wrong
 */
export function pipelineOf(json: unknown): Pipeline {
  fields(PIPELINE)(json, "pipeline");
  const spec = json as Pipeline;
  preprocessorOf(spec);
  return spec;
}

function typed(needed: string, isRight: (value: unknown) => boolean): Check {
  return (value, path) => {
    if (!isRight(value)) throw wrong(path, `is not ${needed}`);
  };
}

function list(check: Check): Check {
  return (value, path) => {
    if (!Array.isArray(value)) throw wrong(path, "is not a list");
    for (const [i, entry] of value.entries()) check(entry, `${path}[${i}]`);
  };
}

function fields(known: Fields): Check {
  const names = new Map(
    Object.entries(known).map(([name, check]) => [name.replace("?", ""), { name, check }]),
  );
  return (value, path) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw wrong(path, "is not an object");
    }
    for (const [name, entry] of Object.entries(value)) {
      const field = names.get(name);
      if (field === undefined) throw wrong(`${path}.${name}`, "is unknown");
      field.check(entry, `${path}.${name}`);
    }
    for (const [name, field] of names) {
      if (field.name === name && !Object.hasOwn(value, name)) {
        throw wrong(`${path}.${name}`, "is missing");
      }
    }
  };
}

function kinds(known: Readonly<Record<string, Fields>>): Check {
  return (value, path) => {
    const kind: unknown = (value as { kind?: unknown } | null)?.kind;
    if (typeof kind !== "string" || !Object.hasOwn(known, kind)) {
      throw wrong(`${path}.kind`, `is none of ${Object.keys(known).join(", ")}`);
    }
    fields({ kind: text, ...known[kind] })(value, path);
  };
}

function wrong(path: string, what: string): ShapeError {
  return new ShapeError(`Description of a transform: ${path} ${what}`);
}
