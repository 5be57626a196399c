import { plainShapeOf, type Preprocessing } from "../preprocessing.ts";
import { sizeOf } from "../tensor.ts";
import type { RawFeatures } from "./pipeline.ts";
import { rowOffsets } from "./row-layout.ts";

/** How many values the features of a sample have before a pipeline. */
export function sizeOfRaw(raw: RawFeatures): number {
  switch (raw.kind) {
    case "numbers":
      return raw.columns.length;
    case "row":
      return rowOffsets(raw.columns).at(-1) ?? 0;
    case "image":
      return raw.channels * raw.height * raw.width;
    case "series":
      return raw.length * raw.channels;
  }
}

/** How many values the raw features of a sample have: bytes of a row or an image, or numbers. */
export function rawSizeOf(spec: Preprocessing): number {
  return spec.kind === "pipeline" ? sizeOfRaw(spec.raw) : sizeOf(plainShapeOf(spec));
}
