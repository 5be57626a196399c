import type { Shape } from "@everfresh/core";
import type { Dimension, GraphShape } from "./graph.ts";

/** The batch dimension itself. */
export const BATCH: Dimension = { batches: 1 };

/** Whether two dimensions are equal for every batch size. */
export function sameDimension(a: Dimension, b: Dimension): boolean {
  if (typeof a === "number" || typeof b === "number") return a === b;
  return a.batches === b.batches;
}

/** a · b, or null where it would grow with the square of the batch. */
export function multiplyDimensions(a: Dimension, b: Dimension): Dimension | null {
  if (typeof a === "number") {
    if (typeof b === "number") return a * b;
    return a === 0 ? 0 : { batches: a * b.batches };
  }
  return typeof b === "number" ? multiplyDimensions(b, a) : null;
}

/** a / b, or null where that is not whole for every batch size. */
export function divideDimensions(a: Dimension, b: Dimension): Dimension | null {
  const whole = (quotient: number): number | null =>
    Number.isSafeInteger(quotient) ? quotient : null;
  if (typeof a === "number") return typeof b === "number" ? whole(a / b) : null;
  if (typeof b !== "number") return whole(a.batches / b.batches);
  const batches = whole(a.batches / b);
  return batches === null ? null : { batches };
}

/** How many elements a shape has, or null where that is not a multiple of the batch size. */
export function sizeOfShape(shape: GraphShape): Dimension | null {
  let size: Dimension = 1;
  for (const dimension of shape) {
    const product = multiplyDimensions(size, dimension);
    if (product === null) return null;
    size = product;
  }
  return size;
}

/** The shape that values of shapes `a` and `b` broadcast to (NumPy's rules), or null. */
export function broadcastShapes(a: GraphShape, b: GraphShape): GraphShape | null {
  const rank = Math.max(a.length, b.length);
  const result: Dimension[] = [];
  for (let i = 0; i < rank; i++) {
    const left = a[a.length - rank + i] ?? 1;
    const right = b[b.length - rank + i] ?? 1;
    if (left !== 1 && right !== 1 && !sameDimension(left, right)) return null;
    result.push(left === 1 ? right : left);
  }
  return result;
}

/** The shape at a known batch size. */
export function bindShape(shape: GraphShape, batchSize: number): Shape {
  return shape.map((size) => (typeof size === "number" ? size : size.batches * batchSize));
}

/** The shape when no dimension depends on the batch, otherwise null. */
export function fixedShape(shape: GraphShape): Shape | null {
  const sizes: number[] = [];
  for (const size of shape) {
    if (typeof size !== "number") return null;
    sizes.push(size);
  }
  return sizes;
}

/** A shape for people, such as `[batch, 3, 32, 32]`. */
export function formatShape(shape: GraphShape): string {
  return `[${shape.map(formatDimension).join(", ")}]`;
}

function formatDimension(size: Dimension): string {
  if (typeof size === "number") return `${size}`;
  return size.batches === 1 ? "batch" : `${size.batches}*batch`;
}
