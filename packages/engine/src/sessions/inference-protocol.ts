import type { Fingerprint, StateLayout, Update } from "@everfresh/core";
import type { Backend } from "../runtime/runtime.ts";

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
  readonly threads: number;
  readonly backend: Backend | undefined;
}

/** What the main thread asks an inference worker for. */
export type InferenceRequest =
  | {
      readonly kind: "predict";
      readonly inputs: Float32Array<ArrayBuffer>;
      readonly size: number;
    }
  | { readonly kind: "apply"; readonly update: Update }
  | { readonly kind: "replace"; readonly snapshot: SentState };
