import { ShapeError } from "../errors.ts";
import type { Features } from "../sample.ts";

/**
 * The raw features of each of `size` samples that stand one after another: views, not copies.
 * @param each how many values a sample has
 * @throws ShapeError unless they are at least one sample, and whole ones
 */
export function samplesIn(features: Features, size: number, each: number): readonly Features[] {
  if (!Number.isSafeInteger(size) || size < 1 || features.length !== size * each) {
    const have = features.length;
    throw new ShapeError(`${size} samples of ${each} raw values are not ${have} values`);
  }
  return Array.from({ length: size }, (_, i) => features.subarray(i * each, (i + 1) * each));
}
