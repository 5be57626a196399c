import type { Backend } from "../runtime/runtime.ts";

/**
 * How a session computes. The same plan on the same CPU features gives the same bits; another number
 * of workers or another runtime rounds differently.
 */
export interface ExecutionPlan {
  readonly backend: Backend;
  /** Worker threads; each computes its part of every batch. */
  readonly workers: number;
  /** Threads of ONNX Runtime in each worker. */
  readonly threadsPerWorker: number;
  /** Version of ONNX Runtime that executes the graphs. */
  readonly onnxruntime: string;
}

/** More workers than this gain nothing from one batch: the parts get too small. */
export const WORKERS_MAX = 64;

/**
 * How many workers a session has by default: fixed and small rather than measured, so that runs with
 * the same seed agree on machines that differ in load or in cores beyond two.
 */
export function defaultWorkers(cores: number): number {
  return Math.max(1, Math.min(2, cores));
}
