import type { Tensor } from "@everfresh/core";
import type { TargetSpec } from "../losses/loss.ts";
import { targetLength } from "./training-program.ts";

/** Targets as callers give them. */
export type BatchTargets = Int32Array | Float32Array;

/** Private memory for the targets of one part of a batch. */
export interface BoundTargets {
  readonly tensor: Tensor;
  /** Copies the targets of the rows `from` to `to` of a batch to the front. */
  load(targets: BatchTargets, from: number, to: number): void;
  /** Zeros in the rows `from` to `to` of the part. */
  clear(from: number, to: number): void;
}

/** Zeros for the targets of a graph of `batchSize` samples. */
export function boundTargets(target: TargetSpec, batchSize: number): BoundTargets {
  if (target.kind === "classIndex") {
    const data = new BigInt64Array(batchSize);
    // The int64 numbers as pairs of words, low half first: avoids BigInt.
    const words = new Int32Array(data.buffer);
    return {
      tensor: { dtype: "int64", shape: [batchSize], data },
      load: (targets, from, to) => {
        for (let i = 0; i < to - from; i++) {
          const value = targets[from + i] ?? 0;
          words[2 * i] = value;
          words[2 * i + 1] = value < 0 ? -1 : 0;
        }
      },
      clear: (from, to) => void words.fill(0, 2 * from, 2 * to),
    };
  }
  const length = targetLength(target);
  const data = new Float32Array(batchSize * length);
  return {
    tensor: { dtype: "float32", shape: [batchSize, ...target.shape], data },
    load: (targets, from, to) => data.set(targets.subarray(from * length, to * length)),
    clear: (from, to) => void data.fill(0, from * length, to * length),
  };
}
