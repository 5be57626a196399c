import type { DType, Tensor } from "@everfresh/core";
import type { FusedOperatorKind, OperatorKind } from "./operator-kind.ts";

/** A dimension that grows with the batch: `batches` × batch size. */
export interface BatchDimension {
  readonly batches: number;
}

/** One size of a shape: a number, or a multiple of the batch size while that is not yet known. */
export type Dimension = number | BatchDimension;

/** A shape in which the batch size may still be open. */
export type GraphShape = readonly Dimension[];

/** What a named value of a graph holds. */
export interface ValueType {
  readonly dtype: DType;
  readonly shape: GraphShape;
}

/** A named value with its type: an input or output of a graph. */
export interface ValueInfo extends ValueType {
  readonly name: string;
}

/** What each kind of attribute holds. */
export interface AttributeValues {
  readonly int: number;
  readonly float: number;
  readonly string: string;
  readonly ints: readonly number[];
  readonly floats: readonly number[];
  readonly strings: readonly string[];
  /** A tensor of one element. */
  readonly scalar: { readonly dtype: DType; readonly value: number };
}

/** The value of one attribute of a node, as ONNX types it. */
export type Attribute = {
  readonly [K in keyof AttributeValues]: { readonly kind: K; readonly value: AttributeValues[K] };
}[keyof AttributeValues];

/** The attributes of a node by name. */
export type Attributes = Readonly<Record<string, Attribute>>;

/** One application of an operator. */
export interface GraphNode {
  /** Unique in its graph; error messages name it. */
  readonly name: string;
  /** Fused only inside the construction of a training step. */
  readonly operator: OperatorKind | FusedOperatorKind;
  /** Names of values; "" is an optional input that is not given. */
  readonly inputs: readonly string[];
  /** Names of values that no other node of the graph makes. */
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

/**
 * A computation as data. Nodes are in execution order: every input of a node is an input, a state
 * tensor or a constant of the graph, or an output of an earlier node.
 */
export interface Graph {
  /** What changes with every run. */
  readonly inputs: readonly ValueInfo[];
  /** The tensors of the model's state, fed from outside; their shapes are numbers. */
  readonly state: readonly ValueInfo[];
  /** What never changes, by name. */
  readonly constants: ReadonlyMap<string, Tensor>;
  readonly nodes: readonly GraphNode[];
  readonly outputs: readonly ValueInfo[];
}
