import { classes, image, numeric } from "@everfresh/core";
import { adam, mlp } from "@everfresh/engine";
import { describe, expect, it } from "vitest";
import { defineModel, type ModelDefinition } from "./define-model.ts";
import { proactive } from "./strategies.ts";
import { digitsModel } from "./digits-model.ts";
import { resolveModel } from "./resolve-model.ts";
import { digits } from "./source-factories.ts";
import { sparse } from "./sparse.ts";

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

const resolve = (definition: ModelDefinition) =>
  resolveModel({ definition, directory: import.meta.dirname }, 1);

describe("a model definition", () => {
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
  ])("is refused with %s, naming both sides", async (_what, change, names) => {
    const refused = resolve({ ...small, ...change });
    await expect(refused).rejects.toMatchObject({ code: "EF_MODEL_SOURCE_MISMATCH" });
    await expect(refused).rejects.toThrow(names);
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
