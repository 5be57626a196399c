import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ShapeError } from "../errors.ts";
import { type Pipeline, pipeline } from "./pipeline.ts";
import { pipelineOf } from "./pipeline-of.ts";

const FULL: Pipeline = pipeline({
  raw: {
    kind: "row",
    columns: [
      { name: "age", kind: "number" },
      { name: "job", kind: "text", bytesMax: 20 },
      { name: "note", kind: "text", bytesMax: 200 },
    ],
  },
  branches: [
    {
      columns: ["age"],
      steps: [
        { kind: "impute", with: "mean" },
        { kind: "standardise", memorySamples: 1000 },
        { kind: "minMax", low: -1, high: 1, clip: true },
        { kind: "scale", unit: 2, mean: [0], std: [1] },
        { kind: "clip", low: -3, high: 3 },
      ],
    },
    {
      columns: ["job"],
      encoder: { kind: "oneHot", categories: [["a"]], other: true, missing: "a" },
    },
    { columns: ["job"], encoder: { kind: "hashed", size: 8, signed: false } },
    {
      columns: ["note"],
      encoder: { kind: "tokens", vocabulary: { kind: "hashing", size: 9 }, length: 4, padding: 0 },
    },
  ],
});

const PICTURE: Pipeline = pipeline({
  raw: { kind: "image", width: 4, height: 4, channels: 1 },
  branches: [{ steps: [{ kind: "resize", width: 2, height: 2, method: "area" }] }],
  augmentation: { flip: true, shiftPixels: 1, fill: 0, contrast: 0, brightness: 0 },
});

type Path = readonly (string | number)[];

describe("pipelineOf", () => {
  it.each([FULL, PICTURE])("gives back what JSON has kept", (spec) => {
    expect(pipelineOf(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
  });

  it.each([
    [FULL, ["version"], 2],
    [FULL, ["kind"], "image"],
    [FULL, ["raw", "kind"], "audio"],
    [FULL, ["raw", "columns", 1, "bytesMax"], 70_000],
    [FULL, ["raw", "columns", 1, "name"], "age"],
    [FULL, ["raw", "columns"], []],
    [FULL, ["branches"], {}],
    [FULL, ["branches", 0, "steps", 0, "with"], "median"],
    [FULL, ["branches", 0, "steps", 1, "memorySamples"], "1"],
    [FULL, ["branches", 0, "steps", 1, "kind"], "toString"],
    [FULL, ["branches", 0, "steps", 4, "low"], undefined],
    [FULL, ["branches", 0, "extra"], 1],
    [FULL, ["branches", 1, "encoder", "categories"], [[1]]],
    [FULL, ["branches", 2, "encoder", "size"], 2 ** 30],
    [FULL, ["branches", 3, "encoder", "vocabulary", "kind"], "words"],
    [PICTURE, ["raw", "width"], 0],
    [PICTURE, ["branches", 0, "steps", 0, "method"], "cubic"],
    [PICTURE, ["augmentation", "flip"], 1],
    [PICTURE, ["augmentation"], null],
  ] as readonly (readonly [Pipeline, Path, unknown])[])(
    "refuses a description that is wrong at %$",
    (spec, path, value) => {
      expect(() => pipelineOf(edited(spec, path, value))).toThrow(ShapeError);
    },
  );

  it("refuses what is no description at all", () => {
    for (const json of [null, 3, "pipeline", [], {}]) {
      expect(() => pipelineOf(json)).toThrow(ShapeError);
    }
  });
});

describe("transforms", () => {
  it("use only arithmetic that IEEE 754 fixes to the bit", () => {
    const allowed = new Set(["abs", "ceil", "floor", "imul", "max", "min", "sqrt"]);
    const sources = readdirSync(import.meta.dirname, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
      .map((file) => readFileSync(join(import.meta.dirname, file), "utf8"));
    const used = sources.flatMap((text) =>
      [...text.matchAll(/Math\.(\w+)/g)].map(([, name]) => name),
    );
    expect(used.length).toBeGreaterThan(10);
    expect(used.filter((name) => !allowed.has(name!))).toEqual([]);
    expect(
      sources.filter((text) => /(?<!\d )\*\* ?(?!\d)/.test(text.replaceAll("/**", ""))),
    ).toEqual([]);
  });
});

/** A copy with another value at a path; undefined takes the field away. */
function edited(spec: Pipeline, path: Path, value: unknown): unknown {
  const copy = structuredClone(spec) as unknown;
  let at = copy as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string | number, unknown>;
  const last = path.at(-1)!;
  at[last] = value;
  return JSON.parse(JSON.stringify(copy));
}
