import { describe, expect, it } from "vitest";
import { densenet161 } from "./densenet.ts";
import { lenet5 } from "./lenet5.ts";
import { mobilenetV2 } from "./mobilenet-v2.ts";
import type { Model } from "./model.ts";
import { resnet18, resnet50 } from "./resnet.ts";
import { resnet20 } from "./resnet20.ts";

// As torchvision's constructors with ten classes, and Prapas et al. (2023), have them.
const PUBLISHED: readonly {
  readonly build: () => Model;
  readonly parameters: number;
  readonly tensors: number;
  readonly buffers: number;
}[] = [
  { build: lenet5, parameters: 61_706, tensors: 10, buffers: 0 },
  { build: mobilenetV2, parameters: 2_236_682, tensors: 158, buffers: 104 },
  { build: resnet18, parameters: 11_181_642, tensors: 62, buffers: 40 },
  { build: resnet50, parameters: 23_528_522, tensors: 161, buffers: 106 },
  { build: densenet161, parameters: 26_494_090, tensors: 484, buffers: 322 },
  { build: resnet20, parameters: 272_474, tensors: 65, buffers: 42 },
];

describe("built-in models for images", () => {
  it.each(PUBLISHED)("$build.name has its published size", (published) => {
    const { layout } = published.build().state;
    const count = (wanted: string): number =>
      layout.tensors.filter(({ role }) => role === wanted).length;
    expect(layout.parameterCount).toBe(published.parameters);
    expect(count("parameter")).toBe(published.tensors);
    expect(count("buffer")).toBe(published.buffers);
  });
});
