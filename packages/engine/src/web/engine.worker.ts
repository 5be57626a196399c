/** Computes for a page, with WebAssembly. */
import * as build from "onnxruntime-web/wasm";
import { servePage } from "./serve-page.ts";
import type { WorkerScope } from "./web-worker-port.ts";

void servePage(globalThis as unknown as WorkerScope, build, "cpu");
