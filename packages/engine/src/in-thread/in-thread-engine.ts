import type { Preprocessing } from "@everfresh/core";
import type { RuntimeReport } from "../runtime/runtime.ts";
import { PatchingInference } from "../sessions/inference-patching.ts";
import type { InferenceRequest } from "../sessions/inference-protocol.ts";
import type { InferenceSession, VersionedState } from "../sessions/inference-session.ts";
import { InferenceThread } from "../sessions/inference-thread.ts";
import { checkThreads, type WasmPaths } from "../web/web-options.ts";
import { type WebBuild, webRuntime } from "../web/web-runtime.ts";
import { type LocalHandler, LocalThread } from "./local-thread.ts";
import { PatchedModel } from "./patched-model.ts";
import { PROBE } from "./probe-graph.ts";

/** Options of {@link openInThreadEngine}. */
export interface InThreadOptions {
  /** Threads of ONNX Runtime; more than 1 only where memory can be shared. @default 1 */
  readonly threads?: number;
  /**
   * Where the WebAssembly of ONNX Runtime lies, as absolute addresses.
   * @default where the bundler has put it
   */
  readonly wasmPaths?: WasmPaths | null;
}

/** ONNX Runtime in the calling thread. */
export interface InThreadEngine {
  readonly runtime: RuntimeReport;
  /**
   * Opens a model in mode "patch": predictions keep the thread busy as long as they take.
   * @param onnx a graph that takes one batch and every tensor of the state, as `inferenceGraph` makes it
   * @param initial the state to begin with; its memory is the session's from now on, unless
   *   it is shared: then it is copied
   * @param preprocessing what makes the graph's inputs of what predictions are given, by statistics in
   *   the state; without it they are the inputs
   * @throws FingerprintMismatchError when the state is not what its fingerprint says
   * @throws ShapeError when the state lacks statistics of the preprocessing
   * @throws RuntimeFailedError when ONNX Runtime does not take the graph
   */
  open(
    onnx: Uint8Array,
    initial: VersionedState,
    preprocessing?: Preprocessing,
  ): Promise<InferenceSession>;
}

/**
 * Starts ONNX Runtime in the calling thread, which need not know a model yet.
 * @param build what onnxruntime-web exports, such as `import * as build from "onnxruntime-web/wasm"`
 * @throws RuntimeUnavailableError when the WebAssembly does not load or may not be compiled
 */
export async function openInThreadEngine(
  build: WebBuild,
  { threads = 1, wasmPaths = null }: InThreadOptions = {},
): Promise<InThreadEngine> {
  checkThreads(threads, isIsolated());
  const runtime = await webRuntime(build, "cpu", { threads, wasmPaths });
  await (await runtime.open(PROBE, { threads })).release();
  const { backend, provider, version, fallbackReason } = runtime;
  return {
    runtime: { backend, provider, version, fallbackReason },
    async open(onnx, { state, ...at }, preprocessing) {
      const initial = { layout: state.layout, buffer: unshared(state.buffer), ...at };
      const how = { threads, runtime: {}, begin: "patch", rows: 1 } as const;
      const setup = { onnx, initial, preprocessing: preprocessing ?? null, ...how };
      const open = async (): Promise<LocalHandler<InferenceRequest>> => {
        const model = await PatchedModel.open(runtime, setup);
        return {
          answer: (request) => model.answer(request),
          report: model.report,
          close: () => model.release(),
        };
      };
      const thread = await InferenceThread.start(setup, () => new LocalThread(open));
      return new PatchingInference(thread);
    },
  };
}

/** ONNX Runtime takes no memory that threads share. */
function unshared(buffer: ArrayBufferLike): ArrayBuffer {
  return buffer instanceof ArrayBuffer ? buffer : new Uint8Array(buffer).slice().buffer;
}

function isIsolated(): boolean {
  return (globalThis as { readonly crossOriginIsolated?: boolean }).crossOriginIsolated === true;
}
