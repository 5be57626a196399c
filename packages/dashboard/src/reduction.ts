import { formatTick } from "./format.ts";

/** From this factor on an update counts as smaller than the model. */
const SMALLER_FROM_FACTOR = 1.05;

/** How many times an update fits into the whole state; null while nothing was sent. */
export function reductionFactor(meanBytes: number, denseBytes: number): number | null {
  if (!(meanBytes > 0) || !(denseBytes > 0)) return null;
  return denseBytes / meanBytes;
}

/** The factor in words, "117× smaller than the model". */
export function reductionText(meanBytes: number, denseBytes: number): string {
  const factor = reductionFactor(meanBytes, denseBytes);
  if (factor === null) return "Nothing sent yet";
  if (factor < SMALLER_FROM_FACTOR) return "Not smaller than the model";
  return `${formatTick(factor)}× smaller than the model`;
}
