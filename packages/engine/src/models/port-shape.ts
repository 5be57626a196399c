import { type Shape, sizeOf } from "@everfresh/core";
import type { ModelPort } from "./model.ts";

/** Shape of a batch of `size` samples of this port. */
export function batchShape(port: ModelPort, size: number): Shape {
  return [size, ...port.shape];
}

/** Numbers per sample of this port. */
export function sampleLength(port: ModelPort): number {
  return sizeOf(port.shape);
}
