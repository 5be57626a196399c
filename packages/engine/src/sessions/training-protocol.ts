import type { Backend } from "../runtime/runtime.ts";
import type { OptimizerSpec } from "../optimizers/optimizer-of.ts";
import type { TrainingMemory } from "./training-memory.ts";
import type { TrainingProgram } from "./training-program.ts";

/** What a training worker is started with. */
export interface TrainingWorkerSetup {
  readonly rank: number;
  readonly workers: number;
  readonly threads: number;
  /** The backend to load; undefined for the first that loads. */
  readonly backend: Backend | undefined;
  readonly program: TrainingProgram;
  readonly optimizer: OptimizerSpec;
  readonly memory: TrainingMemory;
}

/** What a worker reports once it is open. */
export interface WorkerReport {
  readonly backend: Backend;
  readonly onnxruntime: string;
}

/** What the main thread asks a training worker for. */
export type TrainingRequest =
  | {
      readonly kind: "step";
      /** Samples of the batch in shared memory. */
      readonly size: number;
      /** Steps that the optimizer took before this one. */
      readonly optimizerStep: number;
    }
  | {
      readonly kind: "predict";
      /** A whole state in shared memory; null for θ. */
      readonly state: SharedArrayBuffer | null;
      readonly inputs: Float32Array<ArrayBuffer>;
      readonly size: number;
    };
