import type { Tensor } from "@everfresh/core";
import type { Dimension, GraphNode, ValueType } from "../graph/graph.ts";
import type { GraphBuilder, Value } from "../graph/builder.ts";

/** What is known about a value before the graph runs. */
export interface KnownType extends ValueType {
  /** The elements themselves, for small values that shapes or scales are computed from. */
  readonly value?: readonly Dimension[];
  /** The tensor itself, where it is a small constant of the graph. */
  readonly constant?: Tensor;
}

/** A node to tell the output types of. */
export interface InferenceCall {
  readonly node: GraphNode;
  /** In the order of the node's inputs; null is an optional input that is not given. */
  readonly inputs: readonly (KnownType | null)[];
}

/** A node to emit, or to differentiate, in a graph whose shapes are all known. */
export interface EmissionCall {
  readonly builder: GraphBuilder;
  readonly node: GraphNode;
  readonly inputs: readonly (Value | null)[];
  /** Types of the node's outputs. */
  readonly types: readonly ValueType[];
}

/** A node to differentiate. */
export interface GradientCall extends Omit<EmissionCall, "types"> {
  /** Types of the node's inputs, with the values of small constants. */
  readonly inputTypes: readonly (KnownType | null)[];
  /** What the forward rule made: the node's outputs, and more where the rule has its own. */
  readonly outputs: readonly Value[];
  /** ∂loss/∂(first output), in its shape; zeros where the loss does not depend on that output. */
  readonly outputGradient: Value;
  /** ∂loss/∂output for every one of `outputs`; null where the loss does not depend on it. */
  readonly outputGradients: readonly (Value | null)[];
  /** For every input whether its gradient is needed. */
  readonly wanted: readonly boolean[];
}

/** Says of an operator that no gradient passes through it. */
export const nonDifferentiable = "nonDifferentiable";

/** Emits ∂loss/∂input for the wanted inputs, each in its input's shape, and null for the others. */
export type GradientRule = (call: GradientCall) => readonly (Value | null)[];

/** Everything that Everfresh knows about one operator of standard ONNX, opset 13 and later. */
export interface OperatorRule {
  /**
   * The types of the outputs.
   * @throws ShapeInferenceError where the inputs do not fit
   * @throws UnsupportedOperatorError for attributes that have no rule
   */
  readonly infer: (call: InferenceCall) => readonly KnownType[];
  /** The reverse-mode derivative of the outputs, or the statement that there is none. */
  readonly gradient: GradientRule | typeof nonDifferentiable;
  /** Emits the node for training where its gradient needs more than its plain outputs. */
  readonly forward?: (call: EmissionCall) => readonly Value[];
  /** Positions of inputs that only configure: what they are computed from is not trained. */
  readonly settings?: readonly number[];
  /** What is not supported, or how ties and edges are decided: a note for the support table. */
  readonly note?: string;
}
