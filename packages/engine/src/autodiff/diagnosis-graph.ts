import { assert, type Shape } from "@everfresh/core";
import { GraphBuilder, type Value } from "../graph/builder.ts";
import type { Model } from "../models/model.ts";
import { writeOnnx } from "../onnx/write.ts";
import { inferTypes } from "../ops/type-inference.ts";
import { emitForward } from "./tape.ts";
import { inTrainingMode } from "./training-mode.ts";

/** What one node of a model computes, as an output of a {@link DiagnosisGraph}. */
export interface DiagnosedValue {
  /** Name of the output. */
  readonly name: string;
  readonly shape: Shape;
  /** Name of the node in the model that makes it. */
  readonly node: string;
  /** The node's operator in the model. */
  readonly operator: string;
}

/**
 * The forward part of a training step with everything that its nodes compute as outputs. Its inputs
 * are the state, the model's input and the masks of the training step of the same batch size.
 */
export interface DiagnosisGraph {
  /** The ONNX file. */
  readonly onnx: Uint8Array;
  /** Samples per run. */
  readonly batchSize: number;
  /** The float32 values, in the order in which they are computed. */
  readonly values: readonly DiagnosedValue[];
}

/** Builds the graph that tells where a number first goes wrong. */
export function diagnosisGraph(model: Model, batchSize: number): DiagnosisGraph {
  const { graph, masks } = inTrainingMode(model.graph, batchSize);
  const types = inferTypes(graph, batchSize);
  const builder = new GraphBuilder(types.keys());
  const tape = emitForward(builder, graph, types);
  const at = (name: string): Value => {
    const value = tape.values.get(name);
    assert(value !== undefined, `"${name}" was emitted`);
    return value;
  };
  const operators = new Map(model.graph.nodes.map((node) => [node.name, node.operator]));
  const values = tape.entries.flatMap(({ node }) =>
    node.outputs
      .filter((name) => name !== "")
      .map(at)
      .filter(({ dtype }) => dtype === "float32")
      .map(({ name, shape }): DiagnosedValue => {
        const operator = operators.get(node.name) ?? node.operator;
        return { name, shape, node: node.name, operator };
      }),
  );
  const built = builder.finish({
    inputs: [model.input, ...masks].map(({ name }) => at(name)),
    state: graph.state.map(({ name }) => at(name)),
    outputs: values.map(({ name }) => ({ name, value: at(name) })),
  });
  const inputs = [...built.inputs, ...built.state];
  const initialisers = built.constants;
  return {
    onnx: writeOnnx({ ...built, name: "diagnosis", inputs, initialisers }),
    batchSize,
    values,
  };
}
