import {
  type InThreadOptions,
  openInThreadEngine,
  type WebBuild,
} from "@everfresh/engine/in-thread";
import type { Runtime } from "@everfresh/sync";

import { sessionRuntime } from "../engine-session.ts";

/**
 * ONNX Runtime in the calling thread as a replica's runtime, for where there are no workers. A
 * prediction keeps the thread busy as long as it takes; updates go in between two of them.
 * @param build what onnxruntime-web exports; it must be able to compile its WebAssembly here
 * @example
 * import * as build from "onnxruntime-web/wasm";
 * const model = await connect(url, { runtime: inThreadRuntime(build) });
 */
export function inThreadRuntime(build: WebBuild, options: InThreadOptions = {}): Runtime {
  let starting: ReturnType<typeof openInThreadEngine> | null = null;
  return sessionRuntime(async (onnx, initial, preprocessing) => {
    starting ??= openInThreadEngine(build, options);
    return (await starting).open(onnx, initial, preprocessing);
  });
}
