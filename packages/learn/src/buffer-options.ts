import type { Sampler } from "./samplers/sampler.ts";

/** Updates from one estimate to the next. */
export const BUFFERS_EVERY_DEFAULT = 50;

/** Batches of an estimate. */
export const BUFFER_BATCHES_DEFAULT = 4;

/** How the running statistics of the deployed state are estimated. */
export interface BufferOptions {
  /** Updates from one estimate to the next, 1 or more. @default 50 */
  readonly every?: number;
  /** Batches of past samples that an estimate is made from, 1 or more. @default 4 */
  readonly batches?: number;
  /** Picks those samples; always the same for a version. @default of the whole history */
  readonly samplerAt?: (version: number) => Sampler;
}
