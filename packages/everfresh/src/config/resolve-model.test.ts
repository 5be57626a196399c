import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  classes,
  image,
  numeric,
  type Pipeline,
  pipeline,
  preprocessorOf,
  statisticsIn,
} from "@everfresh/core";
import { adam, exportModel, mlp, preprocessingMetadata, withStatistics } from "@everfresh/engine";
import { afterAll, describe, expect, it } from "vitest";
import { defineModel, type ModelDefinition, type SourceFactory } from "./define-model.ts";
import { lateLabels } from "./late-labels.ts";
import { proactive } from "./strategies.ts";
import { digitsModel } from "./digits-model.ts";
import { resolveModel } from "./resolve-model.ts";
import { digits } from "./source-factories.ts";
import { sparse } from "./sparse.ts";

const folder = mkdtempSync(path.join(tmpdir(), "everfresh-resolve-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const small: ModelDefinition = defineModel({
  name: "small",
  model: mlp({ inputs: 784, hidden: [4], outputs: 10 }),
  input: numeric(784),
  target: classes(10),
  source: digits(),
  strategy: proactive(),
  optimizer: adam(),
  deploy: sparse(),
});

/** Digits whose classes have names. */
const named: SourceFactory = async (context) => {
  const source = await digits()(context);
  const target = classes(
    10,
    Array.from({ length: 10 }, (_, digit) => `${digit}x`),
  );
  return { ...source, schema: { ...source.schema, target } };
};

const resolve = (definition: ModelDefinition) =>
  resolveModel({ definition, directory: import.meta.dirname }, 1, { databaseFile: ":memory:" });

/** Digits whose labels follow by themselves. */
const following: SourceFactory = async (context) => {
  const source = await digits()(context);
  const counts = { early: 0, earlyExpired: 0, duplicateLabels: 0, conflicts: 0 };
  const read = async function* (): AsyncGenerator<never, void, void> {};
  return { ...source, following: { read, limits: {}, counts: () => counts } };
};

describe("a model definition", () => {
  it("says how late labels are where the source has them, and only there", async () => {
    expect((await resolve({ ...small, source: following })).source.following).toBeDefined();
    const labels = lateLabels({ lagSamples: 5 });
    for (const wrong of [{ source: following, labels }, { heldOut: following }]) {
      await expect(resolve({ ...small, ...wrong })).rejects.toMatchObject({ code: "EF_CONFIG" });
    }
  });

  it("resolves when everything fits, the demo's digits among them", async () => {
    expect((await resolve(small)).heldOut).toBeNull();
    const { model, heldOut } = await resolve(digitsModel({ seed: 1 }));
    expect(model.state.layout.parameterCount).toBe(61_706);
    expect(heldOut?.size).toBe(10_000);
  });

  it.each([
    ["an input of another shape", { input: numeric(10) }, /784.*10/],
    [
      "an image where numbers are taken",
      { input: image({ width: 28, height: 28 }) },
      /784.*1, 28, 28/,
    ],
    ["another number of classes", { target: classes(3) }, /10 values.*3 classes/],
    [
      "a source of another size",
      { model: mlp({ inputs: 10, hidden: [4], outputs: 10 }), input: numeric(10) },
      /28.*10/,
    ],
    [
      "a pipeline for other raw features",
      {
        input: pipeline({
          raw: { kind: "numbers", columns: Array.from({ length: 784 }, (_, i) => `n${i}`) },
          branches: [{ steps: [{ kind: "standardise" }] }],
        }),
      },
      /784 uint8.*numbers of 784 float32/,
    ],
    [
      "a pipeline whose inputs are too many",
      {
        input: pipeline({
          raw: { kind: "image", width: 28, height: 28, channels: 1 },
          branches: [{}, { steps: [{ kind: "minMax" }] }],
        }),
      },
      /784.*1568/,
    ],
    [
      "a pipeline whose steps do not fit",
      {
        input: pipeline({
          raw: { kind: "numbers", columns: ["a"] },
          branches: [{ columns: ["b"] }],
        }),
      },
      /no column "b"; there are a/,
    ],
    [
      "classes in another order than the source's",
      {
        target: classes(
          10,
          Array.from({ length: 10 }, (_, i) => `${9 - i}`),
        ),
        source: named,
      },
      /0x, 1x.*9, 8, 7/,
    ],
  ])("is refused with %s, naming both sides", async (_what, change, names) => {
    const refused = resolve({ ...small, ...change });
    await expect(refused).rejects.toMatchObject({ code: "EF_MODEL_SOURCE_MISMATCH" });
    await expect(refused).rejects.toThrow(names);
  });

  it("starts with what a model file knows of samples, for the very same pipeline", async () => {
    const input = pipeline({
      raw: { kind: "image", width: 28, height: 28, channels: 1 },
      branches: [{ steps: [{ kind: "standardise" }] }],
    });
    const preprocessor = preprocessorOf(input);
    const { model } = await resolve(digitsModel({ seed: 1 }));
    const pixels = Uint8Array.from({ length: 784 }, (_, i) => i % 250);
    const known = preprocessor.observe(preprocessor.initial(), [pixels]);
    const { state } = withStatistics(model, preprocessor, known);
    const metadata = preprocessingMetadata(input, state);
    const file = path.join(folder, "exported.onnx");
    await writeFile(file, exportModel({ ...model, state }, state, { metadata }));
    const statisticsOf = async (other: Pipeline) => {
      const definition = { ...digitsModel({ seed: 1 }), model: file, input: other };
      return statisticsIn((await resolve(definition)).model.state, preprocessor.statistics);
    };
    expect(await statisticsOf(input)).toEqual(known);
    const branches = [{ steps: [{ kind: "standardise" as const, memorySamples: 9 }] }];
    expect(await statisticsOf({ ...input, branches })).toEqual(preprocessor.initial());
  });

  it("is refused with a model file that is not there", async () => {
    await expect(resolve({ ...small, model: "none.onnx" })).rejects.toMatchObject({
      code: "EF_CONFIG",
    });
  });

  it("needs a name that can stand in a URL, and numbers that make sense", () => {
    expect(() => defineModel({ ...small, name: "a/b" })).toThrow(/a\/b/);
    expect(() => proactive({ triggerSize: 9, batchSize: 8 })).toThrow(
      /0 to the batch size 8, got 9/,
    );
    expect(() => sparse({ ratio: 0 })).toThrow(/got 0/);
  });
});
