import { writeOnnx } from "../onnx/write.ts";
import type { Model } from "./model.ts";

/**
 * The forward computation as an ONNX file without weights: its inputs are the model's input and
 * then every tensor of the state under its own name, its output is the model's output; the batch
 * size is open. Replicas patch the state tensors in place.
 */
export function inferenceGraph(model: Model): Uint8Array {
  const { graph } = model;
  return writeOnnx({
    ...graph,
    name: "inference",
    inputs: [...graph.inputs, ...graph.state],
    initialisers: graph.constants,
  });
}
