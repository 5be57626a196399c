/**
 * ONNX Runtime as it is, on a model with constant weights: one run per message, timed, through the
 * synchronous binding that its own API wraps.
 */
import { createRequire } from "node:module";
import { parentPort, workerData } from "node:worker_threads";
import type { PeerAnswer, PeerSetup } from "./onnxruntime.ts";

interface Binding {
  readonly binding: { readonly InferenceSession: new () => PlainSession };
  readonly initOrt: () => void;
}

interface PlainSession {
  loadModel(buffer: ArrayBufferLike, offset: number, length: number, options: object): void;
  readonly inputMetadata: readonly { readonly name: string }[];
  readonly outputMetadata: readonly { readonly name: string }[];
  run(feeds: object, fetches: object, options: object): void;
}

interface Common {
  readonly Tensor: new (type: string, data: Float32Array, shape: readonly number[]) => object;
}

const { onnx, threads, inputShape, outputShape } = workerData as PeerSetup;
const require = createRequire(new URL("../../packages/engine/package.json", import.meta.url));
const path = require.resolve("onnxruntime-node/dist/binding.js");
const { binding, initOrt } = require(path) as Binding;
const { Tensor } = createRequire(path)("onnxruntime-common") as Common;
initOrt();
const session = new binding.InferenceSession();
session.loadModel(onnx.buffer, onnx.byteOffset, onnx.byteLength, {
  executionProviders: ["cpu"],
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  executionMode: "sequential",
  logSeverityLevel: 3,
});
const input = zeros(inputShape);
const output = zeros(outputShape);
const feeds = { [session.inputMetadata[0]?.name ?? ""]: new Tensor("float32", input, inputShape) };
const fetches = {
  [session.outputMetadata[0]?.name ?? ""]: new Tensor("float32", output, outputShape),
};

const { version } = require("onnxruntime-node/package.json") as { version: string };
parentPort?.postMessage(version);
parentPort?.on("message", (inputs: Float32Array) => {
  input.set(inputs);
  const startedMs = performance.now();
  session.run(feeds, fetches, {});
  const runMs = performance.now() - startedMs;
  const outputs = output.slice();
  parentPort?.postMessage({ outputs, runMs } satisfies PeerAnswer, [outputs.buffer]);
});

function zeros(shape: readonly number[]): Float32Array<ArrayBuffer> {
  return new Float32Array(shape.reduce((product, size) => product * size, 1));
}
