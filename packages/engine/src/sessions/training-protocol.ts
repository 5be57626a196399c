import type { MoveKernel } from "@everfresh/core";
import type { DiagnosisGraph } from "../autodiff/diagnosis-graph.ts";
import type { InputGradientStep } from "../autodiff/input-gradient-step.ts";
import type { MomentsGraph } from "../autodiff/moments-graph.ts";
import type { TrainingStep } from "../autodiff/training-step.ts";
import type { Backend, Provider, RuntimeRequest } from "../runtime/runtime.ts";
import type { OptimizerSpec } from "../optimizers/optimizer-of.ts";
import type { WeightedBatch } from "./shard-input-gradient.ts";
import type { Rows } from "./shard-rows.ts";
import type { TrainingMemory } from "./training-memory.ts";
import type { TrainingProgram } from "./training-program.ts";

/** What a training worker is started with. */
export interface TrainingWorkerSetup {
  readonly rank: number;
  readonly workers: number;
  readonly threads: number;
  readonly runtime: RuntimeRequest;
  readonly program: TrainingProgram;
  readonly optimizer: OptimizerSpec;
  /** Whether steps measure their gradients. */
  readonly measuresGradient: boolean;
  /** Of the masks of Dropout. */
  readonly seed: number;
  readonly memory: TrainingMemory;
}

/** What a worker reports once it is open. */
export interface WorkerReport {
  readonly backend: Backend;
  readonly provider: Provider;
  readonly onnxruntime: string;
  /** As in ExecutionPlan. */
  readonly fallbackReason?: string;
}

/** What one worker computes in a step. */
export interface BatchPart {
  /** May be none: then the worker only takes part in the update. */
  readonly rows: Rows;
  /** The step to compute; null is the program's, for a part of a full batch. */
  readonly step: TrainingStep | null;
}

/** What the main thread asks a training worker for. */
export type TrainingRequest =
  | {
      /** From the next step on the kernel is called for every piece of θ that has moved. */
      readonly kind: "watch";
      readonly kernel: MoveKernel;
    }
  | {
      /** θ and the optimizer's vectors were replaced; whoever has copies of the latter takes them. */
      readonly kind: "restored";
    }
  | {
      /** Whether θ moves, or the mean gradient is left in the first row of `gradients`. */
      readonly kind: "step" | "gradient";
      /** The worker's part of the batch in shared memory. */
      readonly part: BatchPart;
      /** Steps that the optimizer took before this one. */
      readonly optimizerStep: number;
    }
  | {
      readonly kind: "predict";
      /** A whole state; null for θ. */
      readonly state: ArrayBufferLike | null;
      readonly inputs: Float32Array<ArrayBuffer>;
      readonly size: number;
    }
  | {
      readonly kind: "inputGradients";
      /** The same in every request. */
      readonly step: InputGradientStep;
      /** A whole state; null for θ. */
      readonly state: ArrayBufferLike | null;
      readonly batch: WeightedBatch;
    }
  | {
      readonly kind: "moments";
      readonly graph: MomentsGraph;
      /** A whole state; null for θ. */
      readonly state: ArrayBufferLike | null;
      /** As many samples as the graph takes. */
      readonly inputs: Float32Array<ArrayBuffer>;
    }
  | {
      readonly kind: "diagnose";
      /**
       * For as many samples as the worker's part of the last step had, where its loss is not finite;
       * null where all gradients of that step are looked at.
       */
      readonly diagnosis: DiagnosisGraph | null;
      /** How much all samples of the last step count together. */
      readonly weight: number;
    }
  | {
      readonly kind: "selfTest";
      /** What is tested; null is the program's step. */
      readonly candidate: TrainingStep | null;
      /** Another formulation of it. */
      readonly reference: TrainingStep;
    };
