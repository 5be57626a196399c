/** Computes for a page, with WebGPU. */
import * as build from "onnxruntime-web/webgpu";
import { servePage } from "./serve-page.ts";
import type { WorkerScope } from "./web-worker-port.ts";

void servePage(globalThis as unknown as WorkerScope, build, "webgpu");
