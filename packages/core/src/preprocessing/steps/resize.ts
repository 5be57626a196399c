import { ShapeError } from "../../errors.ts";
import { sizeOf } from "../../tensor.ts";
import type { NumbersShape } from "../channels.ts";
import type { ResizeStep } from "../pipeline.ts";
import { fixedStep, type PreparedStep } from "./step.ts";

/** Pixels: more than the sides of any image that is learned from, and few enough to list them. */
const SIDE_MAX = 2 ** 14;

/** Which old pixels a new one takes along one side, and how much of each. */
interface Weights {
  readonly first: number;
  readonly shares: readonly number[];
}

/** Along one side of `before` pixels, the weights of each of the `after` new pixels. */
type Method = (before: number, after: number) => readonly Weights[];

const METHODS: { readonly [M in NonNullable<ResizeStep["method"]>]: Method } = {
  nearest: (before, after) =>
    indices(after).map((i) => ({ first: Math.floor((i * before) / after), shares: [1] })),
  area: (before, after) =>
    indices(after).map((i) => {
      const first = Math.floor((i * before) / after);
      const count = Math.ceil(((i + 1) * before) / after) - first;
      return { first, shares: new Array<number>(count).fill(1 / count) };
    }),
  bilinear: (before, after) =>
    indices(after).map((i) => {
      const at = Math.max(0, ((i + 0.5) * before) / after - 0.5);
      const first = Math.min(Math.floor(at), before - 1);
      const share = first === before - 1 ? 0 : at - first;
      return share === 0 ? { first, shares: [1] } : { first, shares: [1 - share, share] };
    }),
};

/**
 * Prepares images of another size.
 * @throws ShapeError for what is no image, or a size that is not positive
 */
export function resize(step: ResizeStep, input: NumbersShape): PreparedStep {
  const { width, height, method = "bilinear" } = step;
  const [channels = 0, heightBefore = 0, widthBefore = 0] = input.shape;
  if (input.shape.length !== 3 || input.channelAxis !== 0) {
    throw new ShapeError(`resize takes images, not [${input.shape.join(", ")}]`);
  }
  const areSizes = [width, height].every((size) => Number.isSafeInteger(size) && size > 0);
  if (!areSizes || Math.max(width, height) > SIDE_MAX) {
    throw new ShapeError(`resize needs sizes from 1 to ${SIDE_MAX}, got ${width}×${height}`);
  }
  const columns = METHODS[method](widthBefore, width);
  const rows = METHODS[method](heightBefore, height);
  const output: NumbersShape = { shape: [channels, height, width], channelAxis: 0 };
  return fixedStep(output, (values) => {
    const result = new Float64Array(sizeOf(output.shape));
    let at = 0;
    for (let c = 0; c < channels; c++) {
      const plane = c * heightBefore * widthBefore;
      for (const row of rows) {
        for (const column of columns) {
          result[at++] = weighted(values, plane, widthBefore, row, column);
        }
      }
    }
    return result;
  });
}

function weighted(
  values: Float64Array,
  plane: number,
  width: number,
  row: Weights,
  column: Weights,
): number {
  let sum = 0;
  for (let y = 0; y < row.shares.length; y++) {
    const start = plane + (row.first + y) * width + column.first;
    let line = 0;
    for (let x = 0; x < column.shares.length; x++) {
      line += (values[start + x] ?? 0) * (column.shares[x] ?? 0);
    }
    sum += line * (row.shares[y] ?? 0);
  }
  return sum;
}

function indices(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i);
}
