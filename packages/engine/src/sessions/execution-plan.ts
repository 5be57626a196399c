import type { Formulations } from "../graph/builder.ts";
import type { Backend, Provider } from "../runtime/runtime.ts";
import { evenRows } from "./shard-rows.ts";

/** See {@link ExecutionPlan.batchNorm}. */
export type BatchNormMode = "shard" | "exact";

/**
 * How a session computes. The same plan on the same CPU features gives the same bits; another number
 * of workers or another runtime rounds differently.
 */
export interface ExecutionPlan {
  readonly backend: Backend;
  /** What computes in ONNX Runtime. */
  readonly provider: Provider;
  /** Worker threads; each computes its part of every batch. */
  readonly workers: number;
  /** Threads of ONNX Runtime in each worker. */
  readonly threadsPerWorker: number;
  /**
   * What BatchNormalization normalises by, in models that have it: "shard", by the statistics of each
   * worker's part, as PyTorch's DistributedDataParallel; "exact", by those of the whole batch, which
   * one worker computes with all threads.
   */
  readonly batchNorm?: BatchNormMode;
  /**
   * Channels per block of ONNX Runtime's internal layout for convolutions, found by a probe; null to
   * use standard operators only, as where the probe finds none.
   */
  readonly block?: number | null;
  /** By the names of the model's nodes, how they are computed; others as their shapes suggest. */
  readonly formulations?: Formulations;
  /** Version of ONNX Runtime that executes the graphs. */
  readonly onnxruntime: string;
  /** Why WASM and not the native build computes, where nobody asked for that; reported only. */
  readonly fallbackReason?: string;
}

/** More workers than this gain nothing from one batch: the parts get too small. */
const WORKERS_MAX = 64;

/**
 * How many workers a session has by default: fixed and small rather than measured, so that runs with
 * the same seed agree on machines that differ in load or in cores beyond two.
 */
function defaultWorkers(cores: number): number {
  return Math.max(1, Math.min(2, cores));
}

/** The part of a plan that says how a batch is split. */
export type SplitPlan = Pick<ExecutionPlan, "workers" | "threadsPerWorker" | "batchNorm">;

/**
 * How batches of up to `batchSize` samples are split. Where samples share statistics and parts would
 * have too few for good ones, or where that is asked for, one worker has all threads.
 * @throws RangeError when a number that was asked for is not a whole number of 1 or more
 */
export function splitPlan(
  asked: Partial<SplitPlan>,
  model: { readonly batchSize: number; readonly batchStatistics: boolean; readonly cores: number },
): SplitPlan {
  const { batchSize, batchStatistics, cores } = model;
  const { workers = defaultWorkers(cores), threadsPerWorker = 1, batchNorm = "shard" } = asked;
  checkWhole("batchSize", batchSize);
  checkWhole("plan.workers", workers, WORKERS_MAX);
  checkWhole("plan.threadsPerWorker", threadsPerWorker);
  // A worker without a sample in any batch would only wait.
  if (!batchStatistics) return { workers: Math.min(workers, batchSize), threadsPerWorker };
  const parts = evenRows(batchSize, workers).filter(([from, to]) => to > from).length;
  if (batchNorm === "shard" && parts > 1) return { workers: parts, threadsPerWorker, batchNorm };
  return { workers: 1, threadsPerWorker: workers * threadsPerWorker, batchNorm: "exact" };
}

/** @throws RangeError unless `value` is a whole number from 1 to `max` */
function checkWhole(name: string, value: number, max: number = Number.MAX_SAFE_INTEGER): void {
  if (!Number.isSafeInteger(value) || value < 1 || value > max) {
    throw new RangeError(`${name} must be a whole number from 1 to ${max}, got ${value}`);
  }
}
