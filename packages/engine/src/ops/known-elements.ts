/** Rearranging elements that are known before the graph runs. */
import { type Shape, sizeOf } from "@everfresh/core";
import { fixedShape } from "../graph/dimension.ts";
import type { Dimension } from "../graph/graph.ts";
import type { KnownType } from "./operator.ts";

/**
 * The known elements of a result of `shape`, of which each is an element of `type`.
 * @param sourceOf tells the position in `type` of a position in the result
 */
export function rearranged(
  type: KnownType,
  shape: readonly Dimension[],
  sourceOf: (position: readonly number[]) => readonly number[],
): Pick<KnownType, "value"> {
  const from = fixedShape(type.shape);
  const to = fixedShape(shape);
  const { value } = type;
  if (value === undefined || from === null || to === null) return {};
  return {
    value: Array.from({ length: sizeOf(to) }, (_, i): Dimension => {
      const source = sourceOf(positionOf(i, to));
      const flat = source.reduce((index, at, axis) => index * (from[axis] ?? 1) + at, 0);
      return value[flat] ?? 0;
    }),
  };
}

/** The position of element `index` in row-major order. */
function positionOf(index: number, shape: Shape): readonly number[] {
  const position: number[] = [];
  let rest = index;
  for (const size of shape.toReversed()) {
    position.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return position;
}
