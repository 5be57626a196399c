import type { Tensor } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { ShapeInferenceError, UnsupportedOperatorError } from "../errors.ts";
import { BATCH } from "../graph/dimension.ts";
import type { Attributes, GraphShape } from "../graph/graph.ts";
import type { OperatorKind } from "../graph/operator-kind.ts";
import { floats, int, integers, ints, smooth, text } from "./case-source.fixture.ts";
import { inferTypes } from "./type-inference.ts";

type Use = readonly [
  what: string,
  operator: OperatorKind,
  shape: GraphShape,
  attributes: Attributes,
  constants?: readonly (Tensor | null)[],
];

/** The type of the output of one node with input "x" and these constants. */
function infer(
  operator: OperatorKind,
  shape: GraphShape,
  attributes: Attributes,
  constants: readonly (Tensor | null)[] = [],
) {
  const names = constants.map((constant, i) => (constant === null ? "" : `c${i}`));
  return inferTypes({
    inputs: [{ name: "x", dtype: "float32", shape }],
    state: [],
    constants: new Map(
      constants.flatMap((constant, i) => (constant === null ? [] : [[`c${i}`, constant]])),
    ),
    nodes: [{ name: "culprit", operator, inputs: ["x", ...names], outputs: ["y"], attributes }],
  }).get("y");
}

const image = [BATCH, 4, 6, 6];
const always: Tensor = { dtype: "bool", shape: [], data: Uint8Array.of(1) };

const UNSUPPORTED: readonly Use[] = [
  ["unknown Pad", "Pad", image, { mode: text("mirror") }, [integers([0, 0, 1, 1, 0, 0, 1, 1])]],
  ["wide Pad", "Pad", image, { mode: text("reflect") }, [integers([0, 0, 6, 0, 0, 0, 0, 0])]],
  ["cutting Pad", "Pad", image, { mode: text("edge") }, [integers([0, 0, -1, 0, 0, 0, 0, 0])]],
  ["dropping Dropout", "Dropout", [BATCH, 3], {}, [floats([0.5], []), always]],
  ["dropping Dropout by default", "Dropout", [BATCH, 3], {}, [null, always]],
  ["unknown Resize", "Resize", image, { mode: text("sinc") }, [null, floats([1, 1, 2, 2])]],
  [
    "excluding Resize",
    "Resize",
    image,
    { mode: text("cubic"), exclude_outside: int(1) },
    [null, floats([1, 1, 2, 2])],
  ],
  ["Resize of channels", "Resize", image, {}, [null, floats([1, 2, 2, 2])]],
  ["antialiasing Resize", "Resize", image, { antialias: int(1) }, [null, floats([1, 1, 2, 2])]],
  ["Resize of stated axes", "Resize", image, { axes: ints([2, 3]) }, [null, floats([2, 2])]],
  [
    "cropping Resize",
    "Resize",
    image,
    { coordinate_transformation_mode: text("tf_crop_and_resize") },
    [null, floats([1, 1, 2, 2])],
  ],
  ["unknown Gelu", "Gelu", [BATCH, 3], { approximate: text("cubic") }],
  ["diagonal Einsum", "Einsum", [3, 3], { equation: text("ii->i") }],
  ["open Einsum", "Einsum", [BATCH, 3], { equation: text("...i") }],
  ["LpNormalization by 3", "LpNormalization", [BATCH, 3], { p: int(3) }],
  [
    "GroupNormalization per group",
    "GroupNormalization",
    image,
    { num_groups: int(2) },
    [smooth(1, [2]), smooth(2, [2])],
  ],
  ["ReduceL2 of no axes", "ReduceL2", [BATCH, 3], { noop_with_empty_axes: int(1) }],
  ["ReduceMax with old axes", "ReduceMax", [BATCH, 3], { axes: ints([1]) }],
  [
    "multiplying ScatterElements",
    "ScatterElements",
    [3, 3],
    { reduction: text("mul") },
    [integers([0, 0, 0], [1, 3]), smooth(1, [1, 3])],
  ],
  [
    "adding ScatterND",
    "ScatterND",
    [3, 3],
    { reduction: text("add") },
    [integers([0], [1, 1]), smooth(1, [1, 3])],
  ],
];

const MISFITS: readonly Use[] = [
  ["Slice of the batch", "Slice", [BATCH, 3], {}, [integers([1]), integers([2]), integers([0])]],
  ["Slice without progress", "Slice", [2, 3], {}, [0, 2, 0, 0].map((n) => integers([n]))],
  ["Pad of the batch", "Pad", [BATCH, 3], {}, [integers([1, 0, 0, 0])]],
  ["Split that leaves something", "Split", [BATCH, 3], { axis: int(1) }, [integers([2])]],
  ["Tile of other rank", "Tile", [BATCH, 3], {}, [integers([2])]],
  ["Expand to another size", "Expand", [2, 3], {}, [integers([2, 4])]],
  ["Einsum of other rank", "Einsum", [BATCH, 3], { equation: text("i->i") }],
  ["LayerNormalization of other size", "LayerNormalization", [BATCH, 3], {}, [smooth(1, [4])]],
  ["PRelu with more dimensions", "PRelu", [BATCH, 3], {}, [smooth(1, [1, 1, 3])]],
  ["Where without a condition", "Where", [BATCH, 3], {}, [smooth(1, [3]), smooth(1, [3])]],
  ["Max of two types", "Max", [BATCH, 3], {}, [integers([1])]],
  ["DepthToSpace of three channels", "DepthToSpace", [BATCH, 3, 2, 2], { blocksize: int(2) }],
  ["SpaceToDepth of three rows", "SpaceToDepth", [BATCH, 1, 3, 2], { blocksize: int(2) }],
];

const OPEN: readonly (readonly [GraphShape, ...Use])[] = [
  [
    [BATCH, 3],
    "all of it sliced",
    "Slice",
    [BATCH, 3],
    {},
    [0, 2 ** 31 - 1, 0].map((n) => integers([n])),
  ],
  [[{ batches: 2 }, 3], "tiled", "Tile", [BATCH, 3], {}, [integers([2, 1])]],
  [[BATCH, 4, 12, 18], "resized", "Resize", image, {}, [null, floats([1, 1, 2, 3])]],
  [[BATCH, 1, 12, 12], "from depth", "DepthToSpace", image, { blocksize: int(2) }],
  [[BATCH, 6, 6], "one channel gathered", "Gather", image, { axis: int(1) }, [integers([-1], [])]],
  [[1, 4, 6, 6], "reduced", "ReduceMax", image, {}, [integers([0])]],
  [
    [BATCH, 2],
    "multiplied",
    "Einsum",
    [BATCH, 3],
    { equation: text("bi,oi->bo") },
    [smooth(1, [2, 3])],
  ],
  [
    [BATCH, 4, 6, 6],
    "normalised",
    "GroupNormalization",
    image,
    { num_groups: int(2) },
    [smooth(1, [4]), smooth(2, [4])],
  ],
];

describe("type inference", () => {
  for (const [what, operator, shape, attributes, constants] of UNSUPPORTED) {
    it(`refuses ${what}, which has no rule, naming operator and node`, () => {
      const inferring = (): unknown => infer(operator, shape, attributes, constants);
      expect(inferring).toThrow(UnsupportedOperatorError);
      expect(inferring).toThrow(new RegExp(`${operator}.*"culprit"`));
    });
  }

  for (const [what, operator, shape, attributes, constants] of MISFITS) {
    it(`refuses ${what}, which does not fit, naming operator and node`, () => {
      const inferring = (): unknown => infer(operator, shape, attributes, constants);
      expect(inferring).toThrow(ShapeInferenceError);
      expect(inferring).toThrow(new RegExp(`${operator}.*"culprit"`));
    });
  }

  for (const [expected, what, operator, shape, attributes, constants] of OPEN) {
    it(`needs no batch size where the batch is ${what}`, () => {
      expect(infer(operator, shape, attributes, constants)?.shape).toEqual(expected);
    });
  }

  it("knows what exporters compute from shapes", () => {
    const node = (operator: OperatorKind, inputs: readonly string[], output: string) => ({
      name: output,
      operator,
      inputs,
      outputs: [output],
      attributes: {},
    });
    const types = inferTypes({
      inputs: [{ name: "x", dtype: "float32", shape: [BATCH, 4, 3] }],
      state: [],
      constants: new Map([
        ["0", integers([0], [])],
        ["1", integers([1], [])],
        ["6", integers([6], [])],
        ["pair", integers([2, 8])],
        ["rows", integers([3, 2])],
        ["[-1]", integers([-1])],
        ["[0]", integers([0])],
        ["far", integers([-100])],
      ]),
      nodes: [
        node("Range", ["0", "6", "1"], "range"),
        node("Reshape", ["range", "rows"], "matrix"),
        node("Slice", ["matrix", "[-1]", "far", "[0]", "[-1]"], "upsideDown"),
        node("Transpose", ["upsideDown"], "transposed"),
        node("Reshape", ["transposed", "[-1]"], "pads"),
        node("Shape", ["x"], "sizes"),
        node("Mul", ["sizes", "6"], "sixTimes"),
        node("Mod", ["pair", "6"], "rest"),
      ],
    });
    expect(types.get("pads")?.value).toEqual([4, 2, 0, 5, 3, 1]);
    expect(types.get("sixTimes")?.value).toEqual([{ batches: 6 }, 24, 18]);
    expect(types.get("rest")?.value).toEqual([2, 2]);
  });
});
