/**
 * Masks of Dropout from a counter-based generator. Every element is a pure function of the session's
 * seed, the node's name, the optimizer step, the row of the batch and its place in that row. So a
 * resumed session and any number of workers draw the same.
 */
import { assert, sizeOf, streamOf } from "@everfresh/core";
import type { DropoutMask } from "../autodiff/training-mode.ts";
import { GROUP_ELEMENTS } from "../kernels/mask-kernel.ts";
import { MASK_ELEMENTS_MAX, type MaskRow, type MaskSource } from "./mask-source.ts";
import type { Rows } from "./shard-rows.ts";

const TWO_16 = 2 ** 16;
const TWO_32 = 2 ** 32;

/** What the masks of one step depend on, besides the place of each element. */
export interface MaskKey {
  /** A whole number from 0 to 2⁵³ − 1. */
  readonly seed: number;
  /** Steps that the optimizer took before this one. */
  readonly optimizerStep: number;
}

/**
 * Fills the mask of a graph of `batchSize` samples for the rows `from` to `to` of a batch: 0 with
 * probability `ratio`, rounded to a multiple of 2⁻¹⁶, otherwise what makes the mean 1. What belongs to
 * no row stays as it is.
 */
export function fillMask(
  { shape, batchAxis, ratio, node }: DropoutMask,
  target: Float32Array,
  batchSize: number,
  { seed, optimizerStep }: MaskKey,
  [from, to]: Rows,
  source: MaskSource,
): void {
  assert(target.length === sizeOf(shape), "the mask has its shape");
  assert(to - from <= batchSize, "the graph has as many rows");
  const dropped = Math.round(ratio * TWO_16);
  const common = {
    key: [seed >>> 0, Math.floor(seed / TWO_32)] as const,
    optimizerStep,
    stream: streamOf(node),
    dropped,
    kept: TWO_16 / (TWO_16 - dropped),
  };
  // Where all samples share the mask it has one row, the same in every part of the batch.
  const [first, count, samples] = batchAxis === null ? [0, 1, 1] : [from, to - from, batchSize];
  const outer = sizeOf(shape.slice(0, batchAxis ?? 0));
  const run = target.length / outer / samples;
  for (let i = 0; i < count; i++) {
    const row = { ...common, row: first + i };
    for (let o = 0; o < outer; o++) {
      const start = (o * samples + i) * run;
      fillRun(target.subarray(start, start + run), o * run, row, source);
    }
  }
}

/** One contiguous piece of a row, which starts at element `position` of that row. */
function fillRun(target: Float32Array, position: number, row: MaskRow, source: MaskSource): void {
  for (let done = 0; done < target.length;) {
    const group = Math.floor((position + done) / GROUP_ELEMENTS);
    const skipped = position + done - group * GROUP_ELEMENTS;
    const wanted = Math.min(target.length - done, MASK_ELEMENTS_MAX - skipped);
    const elements = source(row, group, Math.ceil((skipped + wanted) / GROUP_ELEMENTS));
    target.set(elements.subarray(skipped, skipped + wanted), done);
    done += wanted;
  }
}
