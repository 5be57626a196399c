/** Random uses of reductions. */
import { type Shape, type Tensor, tensor } from "@everfresh/core";
import fc from "fast-check";
import type { ReductionKind } from "../graph/operator-kind.ts";
import {
  awayFromZero,
  type CaseSource,
  flags,
  int,
  integers,
  seeds,
  separated,
  shapes,
  smooth,
} from "./case-source.fixture.ts";

function reduction(make: (seed: number, shape: Shape) => Tensor, linear = false): CaseSource {
  return fc
    .record({
      shape: shapes,
      chosen: fc.array(flags, { minLength: 4, maxLength: 4 }),
      keep: flags,
      noop: flags,
      seed: seeds,
    })
    .map(({ shape, chosen, keep, noop, seed }) => {
      const axes = shape.flatMap((_, i) => (chosen[i] === true ? [i - shape.length] : []));
      // Without axes ONNX Runtime copies x, even where the operator of one element is no copy.
      const nothing = noop && (linear || axes.length > 0);
      return {
        attributes: { keepdims: int(keep ? 1 : 0), noop_with_empty_axes: int(nothing ? 1 : 0) },
        inputs: [make(seed, shape), ...(axes.length > 0 ? [integers(axes)] : [])],
      };
    });
}

/** Sometimes with one or two zeros, where the gradient of a product is another. */
function withZeros(seed: number, shape: Shape): Tensor {
  const data = Array.from(smooth(seed, shape, 1.5).data, Number);
  return tensor("float32", shape, Float32Array.from(data.fill(0, 0, seed % 3)));
}

/** Uses of reductions. */
export const REDUCTION_CASES: { readonly [K in ReductionKind]: CaseSource } = {
  ReduceL1: reduction(awayFromZero),
  ReduceL2: reduction((seed, shape) => smooth(seed, shape, 2)),
  ReduceLogSumExp: reduction(smooth),
  ReduceMax: reduction(separated, true),
  ReduceMean: reduction(smooth, true),
  ReduceMin: reduction(separated, true),
  ReduceProd: reduction(withZeros),
  ReduceSum: reduction(smooth, true),
  ReduceSumSquare: reduction(smooth),
};
