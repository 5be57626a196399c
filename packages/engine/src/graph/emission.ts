/** What a graph under construction consists of, and who adds to it. */
import type { DType, Shape, Tensor } from "@everfresh/core";
import type { Attributes } from "./graph.ts";
import type { BlockedOperatorKind, GradientOperatorKind, OperatorKind } from "./operator-kind.ts";

/** A named value of the graph under construction; its shape is all numbers. */
export interface Value {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** An operator that a builder can emit. */
export type EmittedOperator = OperatorKind | GradientOperatorKind | BlockedOperatorKind;

/** One application of an operator in a built graph. */
export interface EmittedNode {
  readonly name: string;
  readonly operator: EmittedOperator;
  /** Who defines the operator; ONNX itself when absent. */
  readonly domain?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

/** What {@link Emitter.emitIn} is told about an output. */
export interface OutputType {
  readonly dtype: DType;
  readonly shape: Shape;
  /** The output's name; chosen by the builder when absent. */
  readonly as?: string;
}

/** Adds nodes and constants to a graph, just as it is told to. */
export interface Emitter {
  /** The elements of a value that is a constant; undefined for others. */
  constant(value: Value): Tensor | undefined;
  /** float32 constants, by default a vector; a scalar with shape []. */
  floats(values: readonly number[], shape?: Shape): Value;
  /** int64 constants, by default a vector. */
  ints(values: readonly number[], shape?: Shape): Value;
  /** Adds a node whose operator is defined by `domain`; ONNX when undefined. */
  emitIn(
    domain: string | undefined,
    operator: EmittedOperator,
    inputs: readonly (Value | null)[],
    outputs: readonly OutputType[],
    attributes?: Attributes,
  ): readonly Value[];
}
