import { RuntimeUnavailableError } from "../errors.ts";
import type { Provider } from "../runtime/runtime.ts";
import type { InferenceOptions } from "../sessions/inference-session.ts";
import type { TrainingOptions } from "../sessions/training-session.ts";

/**
 * Where the files of onnxruntime-web lie: an address that ends in "/" and has all of them below it, or
 * the addresses of the files. Relative to the page.
 */
export type WasmPaths = string | { readonly wasm?: string; readonly mjs?: string };

/** What sessions in a browser can be told besides what those in Node can. */
export interface WebOptions {
  /**
   * Where the WebAssembly of ONNX Runtime lies.
   * @default where the bundler has put it
   */
  readonly wasmPaths?: WasmPaths;
}

/** How to train in a browser: one worker; threads beyond one only where the page is isolated. */
export interface WebTrainingOptions extends TrainingOptions, WebOptions {}

/** How to run predictions in a browser. */
export interface WebInferenceOptions extends InferenceOptions, WebOptions {
  /**
   * As in Node, except that nothing is measured unless it is asked for: a second worker is a second
   * ONNX Runtime in the memory of a page. @default "patch"
   */
  readonly mode?: NonNullable<InferenceOptions["mode"]>;
}

/** What of a plan is no choice in a browser. */
type WebPlan = Pick<NonNullable<TrainingOptions["plan"]>, "workers" | "backend" | "provider">;

/** `paths` as a worker can use them, whose own address is another than the page's. */
export function absolutePaths(paths: WasmPaths | undefined, base: string): WasmPaths | null {
  if (paths === undefined) return null;
  const absolute = (path: string): string => new URL(path, base).href;
  if (typeof paths === "string") return absolute(paths);
  const { wasm, mjs } = paths;
  return {
    ...(wasm === undefined ? {} : { wasm: absolute(wasm) }),
    ...(mjs === undefined ? {} : { mjs: absolute(mjs) }),
  };
}

/**
 * @throws RangeError when it is no whole number of 1 or more
 * @throws RuntimeUnavailableError for several threads where the page has no shared memory
 */
export function checkThreads(threads: number, isolated: boolean): void {
  if (!Number.isSafeInteger(threads) || threads < 1) {
    throw new RangeError(`threads must be a whole number of 1 or more, got ${threads}`);
  }
  if (threads > 1 && !isolated) {
    throw new RuntimeUnavailableError(
      `${threads} threads need memory that they share, which this page is not given: serve it with ` +
        "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp, " +
        "or use 1 thread",
    );
  }
}

/**
 * @throws RangeError when more than one worker is asked for
 * @throws RuntimeUnavailableError when no browser has the backend or the provider
 */
export function checkWebPlan({ workers = 1, backend = "wasm", provider = "cpu" }: WebPlan): void {
  if (workers !== 1) throw new RangeError(`A browser trains in 1 worker, got ${workers}`);
  if (backend !== "wasm") {
    throw new RuntimeUnavailableError(`A browser has no backend "${backend}", only "wasm"`);
  }
  checkWebProvider(provider);
}

/** @throws RuntimeUnavailableError when no browser has the provider */
export function checkWebProvider(provider: Provider): void {
  if (provider === "cpu" || provider === "webgpu") return;
  throw new RuntimeUnavailableError(
    `The execution provider "${provider}" is not available in a browser; use "cpu" or "webgpu"`,
  );
}
