import type { ModelState, Shape } from "@everfresh/core";
import type { Graph } from "../graph/graph.ts";

/** Name and shape of what one sample brings to a model, or gets from it. */
export interface ModelPort {
  readonly name: string;
  /** Shape of one sample: without the batch dimension. */
  readonly shape: Shape;
}

/** An ONNX model with its weights, ready to be trained, run or served. */
export interface Model {
  /** The forward computation; trainable initialisers are state inputs in it, not constants. */
  readonly graph: Graph;
  /** The initial values; its layout has the initialisers' names, in the order of the graph. */
  readonly state: ModelState;
  /** float32 [batch, ...shape]. */
  readonly input: ModelPort;
  /** float32 [batch, ...shape]: for a classifier the logits, one per class. */
  readonly output: ModelPort;
}
