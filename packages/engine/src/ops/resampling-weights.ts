/** Resizing along one axis, as a matrix: how much every input element counts in every output one. */
import { floatAttribute, intAttribute, stringAttribute } from "../graph/attributes.ts";
import type { GraphNode } from "../graph/graph.ts";
import { unsupported } from "./inference.ts";

/** How one axis is resized. */
export interface AxisResize {
  readonly size: number;
  readonly resized: number;
  /** Output elements per input element, as coordinates are computed; near resized / size. */
  readonly scale: number;
}

/** One row of weights of the `size` input elements for every output element. */
export function resizeWeights(node: GraphNode, axis: AxisResize): readonly (readonly number[])[] {
  const { size, resized, scale } = axis;
  const weigh = WEIGHTS[stringAttribute(node, "mode", "nearest")];
  if (weigh === undefined) {
    return unsupported(node, `resizes in mode "${stringAttribute(node, "mode", "nearest")}"`);
  }
  return Array.from({ length: resized }, (_, out) => {
    const row = Array.from({ length: size }, () => 0);
    // ONNX Runtime copies where nothing is resized, whatever the coordinates.
    const isSame = scale === 1 && size === resized;
    const place = isSame ? out : placeOf(node, out, axis);
    for (const [at, weight] of isSame ? [[out, 1] as const] : weigh(node, place)) {
      const inside = Math.min(Math.max(at, 0), size - 1);
      row[inside] = (row[inside] ?? 0) + weight;
    }
    return row;
  });
}

/** Positions, which may lie outside, with their weights, for one place between input elements. */
type Weigh = (node: GraphNode, place: number) => readonly (readonly [number, number])[];

const WEIGHTS: Readonly<Record<string, Weigh | undefined>> = {
  nearest: (node, place) => [[nearestOf(node, place), 1]],

  linear: (_, place) => {
    const left = Math.floor(place);
    return [
      [left, 1 - (place - left)],
      [left + 1, place - left],
    ];
  },

  // Keys, Cubic convolution interpolation for digital image processing, 1981; a is −0.75 by default.
  cubic: (node, place) => {
    if (intAttribute(node, "exclude_outside", 0) !== 0) {
      unsupported(node, "leaves out what lies outside");
    }
    const a = floatAttribute(node, "cubic_coeff_a", -0.75);
    const left = Math.floor(place);
    const t = place - left;
    const far = (d: number): number => ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
    const near = (d: number): number => ((a + 2) * d - (a + 3)) * d * d + 1;
    return [
      [left - 1, far(t + 1)],
      [left, near(t)],
      [left + 1, near(1 - t)],
      [left + 2, far(2 - t)],
    ];
  },
};

/**
 * Where output element `out` lies among the input elements, in float32 like ONNX Runtime's: half an
 * element more or less decides which one is the nearest.
 */
function placeOf(node: GraphNode, out: number, { size, resized, scale }: AxisResize): number {
  const f = Math.fround;
  const halfPixel = (): number => f(f(f(out + 0.5) / scale) - 0.5);
  const mode = stringAttribute(node, "coordinate_transformation_mode", "half_pixel");
  switch (mode) {
    case "half_pixel":
      return halfPixel();
    case "pytorch_half_pixel":
      return resized > 1 ? halfPixel() : 0;
    case "half_pixel_symmetric":
      return f(f((size / 2) * f(1 - f(resized / f(scale * size)))) + halfPixel());
    case "asymmetric":
      return f(out / scale);
    case "align_corners":
      return resized > 1 ? f((out * (size - 1)) / (resized - 1)) : 0;
    default:
      return unsupported(node, `has coordinate_transformation_mode "${mode}"`);
  }
}

function nearestOf(node: GraphNode, place: number): number {
  const mode = stringAttribute(node, "nearest_mode", "round_prefer_floor");
  switch (mode) {
    case "round_prefer_floor":
      return Math.ceil(place - 0.5);
    case "round_prefer_ceil":
      return Math.floor(place + 0.5);
    case "floor":
      return Math.floor(place);
    case "ceil":
      return Math.ceil(place);
    default:
      return unsupported(node, `has nearest_mode "${mode}"`);
  }
}
