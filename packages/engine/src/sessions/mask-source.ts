/** Where the masks of Dropout get their random bits: in WebAssembly, or in TypeScript, the same. */
import { philox } from "@everfresh/core";
import { openKernels } from "@everfresh/core/wasm";
import { GROUP_ELEMENTS, maskKernel } from "../kernels/mask-kernel.ts";

/** Elements that a source makes at a time: 64 KiB of float32 numbers. */
export const MASK_ELEMENTS_MAX: number = 16_384;

const GROUPS_MAX = MASK_ELEMENTS_MAX / GROUP_ELEMENTS;
const PAGES = 1; // 64 KiB

/** What the elements of one row of a mask are made of, besides their place. */
export interface MaskRow {
  /** The seed, lower and upper half. */
  readonly key: readonly [number, number];
  readonly row: number;
  readonly optimizerStep: number;
  readonly stream: number;
  /** An element is 0 where its 16 random bits are below this. */
  readonly dropped: number;
  /** What all other elements are. */
  readonly kept: number;
}

/**
 * The elements 32 · `firstGroup` and on of a row, `groups` times 32, at most
 * {@link MASK_ELEMENTS_MAX}. The result is only good until the next call.
 */
export type MaskSource = (row: MaskRow, firstGroup: number, groups: number) => Float32Array;

/** The fastest source that there is in this thread. */
export function maskSource(): MaskSource {
  return compiledMaskSource() ?? plainMaskSource();
}

/** In TypeScript: what the kernel computes, element by element. */
export function plainMaskSource(): MaskSource {
  const elements = new Float32Array(MASK_ELEMENTS_MAX);
  return ({ key, row, optimizerStep, stream, dropped, kept }, firstGroup, groups) => {
    for (let block = 0; block < 4 * groups; block++) {
      const drawn = philox([4 * firstGroup + block, row, optimizerStep, stream], key);
      const start = GROUP_ELEMENTS * (block >> 2) + (block & 3);
      for (let word = 0; word < 4; word++) {
        const bits = drawn[word] ?? 0;
        elements[start + 4 * word] = (bits & 0xffff) < dropped ? 0 : kept;
        elements[start + 16 + 4 * word] = bits >>> 16 < dropped ? 0 : kept;
      }
    }
    return elements.subarray(0, GROUP_ELEMENTS * groups);
  };
}

/** In WebAssembly; null where that, or its vectors, are missing or must not be compiled. */
export function compiledMaskSource(): MaskSource | null {
  try {
    const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });
    const { mask } = openKernels([maskKernel()], { memory });
    const bits = new Int32Array(1);
    const number = new Float32Array(bits.buffer);
    return ({ key, row, optimizerStep, stream, dropped, kept }, firstGroup, groups) => {
      const length = GROUP_ELEMENTS * Math.min(groups, GROUPS_MAX);
      number[0] = kept;
      const place = [0, 4 * length, 4 * firstGroup, row, optimizerStep, stream];
      if (length > 0) mask?.(...place, ...key, dropped, bits[0] ?? 0);
      return new Float32Array(memory.buffer, 0, length);
    };
  } catch {
    return null;
  }
}
