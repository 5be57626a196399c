import type { Features, Fingerprint, Preprocessing, StateLayout, Update } from "@everfresh/core";
import type { RuntimeReport, RuntimeRequest } from "../runtime/runtime.ts";
import type { InferenceMode, Prediction } from "./inference-session.ts";

/** A whole state as it is sent to the worker. */
export interface SentState {
  readonly layout: StateLayout;
  readonly buffer: ArrayBuffer;
  readonly version: number;
  readonly fingerprint: Fingerprint;
}

/** What an inference worker is started with. */
export interface InferenceWorkerSetup {
  readonly onnx: Uint8Array;
  readonly initial: SentState;
  /** What makes the graph's inputs of what predictions are given; null: they are the inputs. */
  readonly preprocessing: Preprocessing | null;
  readonly threads: number;
  readonly runtime: RuntimeRequest;
  /** How it begins: "auto" measures patch and bake; "rest" opens no graph before the first bake. */
  readonly begin: InferenceMode | "auto" | "rest";
  /** Samples per prediction of that measurement. */
  readonly rows: number;
}

/** What an inference worker reports once it is open. */
export interface InferenceWorkerReport {
  readonly runtime: RuntimeReport;
  /** How it answers. */
  readonly mode: InferenceMode;
  /** How long it took to make a graph with constant weights, in milliseconds; 0 when none was made. */
  readonly bakeMs: number;
}

/** A prediction whose memory can move to another thread. */
export type SentPrediction = Prediction & { readonly outputs: Float32Array<ArrayBuffer> };

/** What the main thread asks an inference worker for. */
export type InferenceRequest =
  | {
      readonly kind: "predict";
      readonly features: Features;
      readonly size: number;
    }
  | { readonly kind: "apply"; readonly update: Update }
  | { readonly kind: "replace"; readonly snapshot: SentState }
  | {
      /** Answer from now on with the state as it is now, as constants. */
      readonly kind: "bake";
      /** Samples of the prediction that warms the graph up; 0 for none. */
      readonly rows: number;
    }
  /** Give the memory of the graph back until the next bake. */
  | { readonly kind: "rest" }
  /** Check the next so many words of the state; answers whether they were the last ones. */
  | { readonly kind: "scrub"; readonly words: number };
