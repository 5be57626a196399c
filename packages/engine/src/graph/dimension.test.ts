import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BATCH,
  bindShape,
  broadcastShapes,
  divideDimensions,
  formatShape,
  multiplyDimensions,
  sizeOfShape,
} from "./dimension.ts";
import type { Dimension } from "./graph.ts";

const dimensions: fc.Arbitrary<Dimension> = fc.oneof(
  fc.integer({ min: 1, max: 6 }),
  fc.integer({ min: 1, max: 3 }).map((batches) => ({ batches })),
);
const at = (size: Dimension, batch: number): number => bindShape([size], batch)[0]!;

describe("dimensions with an open batch size", () => {
  it("multiply and divide as the numbers do that they become", () => {
    fc.assert(
      fc.property(dimensions, dimensions, fc.integer({ min: 1, max: 9 }), (a, b, batch) => {
        const product = multiplyDimensions(a, b);
        if (product === null) return;
        expect(at(product, batch)).toBe(at(a, batch) * at(b, batch));
        expect(divideDimensions(product, b)).toEqual(a);
      }),
    );
  });

  it("do not multiply to the square of the batch, and divide only to whole numbers", () => {
    expect(multiplyDimensions(BATCH, BATCH)).toBeNull();
    expect(divideDimensions(6, BATCH)).toBeNull();
    expect(divideDimensions({ batches: 3 }, 2)).toBeNull();
    expect(divideDimensions({ batches: 6 }, BATCH)).toBe(6);
    expect(sizeOfShape([BATCH, 2, 3])).toEqual({ batches: 6 });
  });

  it("broadcast like numbers, never the batch against a number", () => {
    expect(broadcastShapes([BATCH, 1, 3], [2, 1])).toEqual([BATCH, 2, 3]);
    expect(broadcastShapes([BATCH, 3], [1, 3])).toEqual([BATCH, 3]);
    expect(broadcastShapes([BATCH, 3], [4, 3])).toBeNull();
  });

  it("print for people", () => {
    expect(formatShape([BATCH, { batches: 4 }, 3])).toBe("[batch, 4*batch, 3]");
  });
});
