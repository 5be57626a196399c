import { assert } from "@everfresh/core";
import { GraphBuilder, type Value } from "../graph/builder.ts";
import type { Graph, GraphNode } from "../graph/graph.ts";
import type { Model } from "../models/model.ts";
import { writeOnnx } from "../onnx/write.ts";
import { inferTypes } from "../ops/type-inference.ts";
import { checkBatchSize } from "./loss-graph.ts";
import { emitForward } from "./tape.ts";
import { accelerated, type TrainingStepOptions } from "./training-step.ts";
import { inTrainingMode, type Moments } from "./training-mode.ts";

/**
 * What a batch is like at every BatchNormalization, as an ONNX model. It takes the model's input and
 * every tensor of the state under its own name. As in training each BatchNormalization normalises by
 * the batch; as in inference nothing is dropped.
 */
export interface MomentsGraph {
  /** The ONNX file. */
  readonly onnx: Uint8Array;
  /** Samples per run. */
  readonly batchSize: number;
  /** Its outputs: for each BatchNormalization with running statistics a mean and a variance. */
  readonly moments: readonly Moments[];
}

/**
 * Builds the computation of the statistics of one batch, in the formulations of a training step.
 * @throws RangeError when the batch size is not a whole number of 1 or more
 */
export function momentsGraph(
  model: Model,
  options: Pick<TrainingStepOptions, "batchSize" | "block" | "formulations">,
): MomentsGraph {
  const { batchSize, block = null, formulations = {} } = options;
  checkBatchSize(batchSize);
  const form = inTrainingMode(withoutDropout(model.graph), batchSize);
  const { moments } = form;
  const graph = accelerated(form.graph, batchSize);
  const types = inferTypes(graph, batchSize);
  const builder = new GraphBuilder(types.keys(), { block, formulations });
  const { values } = emitForward(builder, graph, types);
  const at = (name: string): Value => {
    const value = values.get(name);
    assert(value !== undefined, `"${name}" was emitted`);
    return value;
  };
  const built = builder.finish({
    inputs: [at(model.input.name)],
    state: graph.state.map(({ name }) => at(name)),
    outputs: moments.flatMap(({ mean, variance }) =>
      [mean, variance].map((name) => ({ name, value: at(name) })),
    ),
  });
  const inputs = [...built.inputs, ...built.state];
  const initialisers = built.constants;
  return {
    onnx: writeOnnx({ ...built, name: "moments", inputs, initialisers }),
    batchSize,
    moments,
  };
}

function withoutDropout(graph: Graph): Graph {
  const nodes = graph.nodes.map((node): GraphNode => {
    if (node.operator !== "Dropout") return node;
    const [inputs, outputs] = [node.inputs.slice(0, 1), node.outputs.slice(0, 1)];
    return { ...node, operator: "Identity", inputs, outputs, attributes: {} };
  });
  return { ...graph, nodes };
}
