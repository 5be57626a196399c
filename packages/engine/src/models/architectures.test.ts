import { describe, expect, it } from "vitest";
import { densenet161 } from "./densenet.ts";
import { dlrmSmall } from "./dlrm-small.ts";
import { exportModel } from "./export-model.ts";
import { GOLDEN_CASES } from "./golden-models.fixture.ts";
import { importModel } from "./import-model.ts";
import { lstmClassifier } from "./lstm-classifier.ts";
import { mobilenet, mobilenetV2 } from "./mobilenet-v2.ts";
import { resnet, resnet18, resnet50 } from "./resnet.ts";
import { resnet20 } from "./resnet20.ts";
import { transformerEncoder } from "./transformer-encoder.ts";

const IMAGE_MODELS = [resnet18, resnet20, resnet50, densenet161, mobilenetV2].map((build) => ({
  build,
}));
const TEXT = { vocabulary: 20, length: 6 };

describe("built-in models", () => {
  it.each(Object.keys(GOLDEN_CASES))("reads back equal after writing: %s", (name) => {
    const { model } = GOLDEN_CASES[name]!();
    const again = importModel(exportModel(model));
    expect(again.state.layout).toEqual(model.state.layout);
    expect(again.state.parameters).toEqual(model.state.parameters);
    expect(again.input).toEqual(model.input);
    expect(again.output).toEqual(model.output);
    expect(again.graph.nodes).toEqual(model.graph.nodes);
  });

  it.each(IMAGE_MODELS)("refuses impossible sizes: $build.name", ({ build }) => {
    expect(() => build({ classes: 0 })).toThrow(RangeError);
    expect(() => build({ inputSize: 2.5 })).toThrow(RangeError);
  });

  it("refuses other impossible sizes too", () => {
    expect(() => mobilenetV2({ dropout: 1 })).toThrow(RangeError);
    expect(() => transformerEncoder({ ...TEXT, width: 10, heads: 4 })).toThrow(RangeError);
    expect(() => transformerEncoder({ ...TEXT, dropout: -0.1 })).toThrow(RangeError);
    expect(() => lstmClassifier({ ...TEXT, layers: 0 })).toThrow(RangeError);
    expect(() => dlrmSmall({ dense: 3, categories: [4, 0] })).toThrow(RangeError);
  });

  it("takes images of other sizes, with the same parameters", () => {
    const sizes = { block: "basic", blocks: [1, 1], width: 4, classes: 7 } as const;
    const large = resnet({ ...sizes, inputSize: 96 });
    expect(large.input.shape).toEqual([3, 96, 96]);
    expect(large.output.shape).toEqual([7]);
    expect(large.state).toEqual(resnet(sizes).state);
  });
});

describe("dropout", () => {
  const drops = (model: { graph: { nodes: readonly { operator: string }[] } }): number =>
    model.graph.nodes.filter(({ operator }) => operator === "Dropout").length;

  it("is where torchvision and PyTorch have it, and absent where nothing is dropped", () => {
    expect(drops(mobilenet({ width: 0.1 }))).toBe(1);
    expect(drops(mobilenet({ width: 0.1, dropout: 0 }))).toBe(0);
    expect(drops(transformerEncoder({ ...TEXT, width: 8, layers: 2 }))).toBe(8);
    expect(drops(transformerEncoder({ ...TEXT, width: 8, dropout: 0 }))).toBe(0);
  });
});
