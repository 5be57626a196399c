/**
 * What a training step computes otherwise than inference: BatchNormalization uses the statistics of
 * the batch, and Dropout multiplies with a mask that comes in from outside.
 */
import { assert, type Shape, sizeOf } from "@everfresh/core";
import { bindShape } from "../graph/dimension.ts";
import type { Graph, GraphNode, ValueInfo } from "../graph/graph.ts";
import { momentumOf, RUNNING_STATISTICS } from "../ops/batch-normalisation.ts";
import { dropoutRatio } from "../ops/dropout.ts";
import { inferTypes } from "../ops/type-inference.ts";

/** Where a training step has the statistics of the batch at one BatchNormalization. */
export interface Moments {
  /** Value with the mean of each channel over the batch. */
  readonly mean: string;
  /** Value with the biased variance of each channel over the batch. */
  readonly variance: string;
  /** How many elements per channel they are over: samples × positions. */
  readonly elements: number;
  /** The state's running mean, a buffer. */
  readonly runningMean: string;
  /** The state's running variance, a buffer; that of the unbiased variance, as in PyTorch. */
  readonly runningVariance: string;
  /** running = momentum · running + (1 − momentum) · batch. */
  readonly momentum: number;
}

/** An input of a training step that holds the mask of one Dropout: 0 or 1 / (1 − ratio). */
export interface DropoutMask {
  /** float32 input of the step. */
  readonly name: string;
  readonly shape: Shape;
  /** The dimension of `shape` that the samples lie along; null where all samples share the mask. */
  readonly batchAxis: number | null;
  /** How much of the elements is dropped, above 0 and below 1. */
  readonly ratio: number;
  /** Name of the node in the model. */
  readonly node: string;
}

/** A graph as training computes it. */
export interface TrainingForm {
  readonly graph: Graph;
  readonly moments: readonly Moments[];
  readonly masks: readonly DropoutMask[];
}

/** Whether the samples of a batch depend on each other in training: by statistics over all of them. */
export function usesBatchStatistics({ nodes, state }: Graph): boolean {
  const names = new Set(state.map(({ name }) => name));
  return nodes.some((node) => isTracked(node, names));
}

/**
 * The training form of `graph` for a fixed batch size. A BatchNormalization whose running statistics
 * are constants, not state, is frozen: it computes what inference does.
 */
export function inTrainingMode(graph: Graph, batchSize: number): TrainingForm {
  const open = inferTypes(graph);
  const taken = new Set(open.keys());
  const state = new Set(graph.state.map(({ name }) => name));
  const moments: Moments[] = [];
  const masks: DropoutMask[] = [];
  const maskInputs: ValueInfo[] = [];
  const shapeOf = (name: string): ValueInfo["shape"] => {
    const type = open.get(name);
    assert(type !== undefined, `the type of "${name}" is known`);
    return type.shape;
  };
  const nodes = graph.nodes.map((node): GraphNode => {
    const [x = ""] = node.inputs;
    if (isTracked(node, state)) {
      const [runningMean, runningVariance] = RUNNING_STATISTICS.map((at) => node.inputs[at]);
      assert(runningMean !== undefined && runningVariance !== undefined, "five inputs");
      const size = sizeOf(bindShape(shapeOf(x), batchSize));
      const mean = unique(taken, `${node.name}.batchMean`);
      const variance = unique(taken, `${node.name}.batchVariance`);
      const elements = size / sizeOf(bindShape(shapeOf(runningMean), batchSize));
      const momentum = momentumOf(node);
      moments.push({ mean, variance, elements, runningMean, runningVariance, momentum });
      return {
        ...node,
        operator: "TrainingBatchNormalization",
        inputs: node.inputs.slice(0, 3),
        outputs: [node.outputs[0] ?? "", mean, variance],
      };
    }
    const ratio = node.operator === "Dropout" ? dropoutRatio(node, graph.constants) : 0;
    if (ratio === 0) return node;
    const shape = shapeOf(x);
    const batchAxis = shape.findIndex((size) => typeof size !== "number");
    const input = unique(taken, `${node.name}.mask`);
    maskInputs.push({ name: input, dtype: "float32", shape });
    masks.push({
      name: input,
      shape: bindShape(shape, batchSize),
      batchAxis: batchAxis < 0 ? null : batchAxis,
      ratio,
      node: node.name,
    });
    return { ...node, operator: "Mul", inputs: [x, input], attributes: {} };
  });
  return { graph: { ...graph, inputs: [...graph.inputs, ...maskInputs], nodes }, moments, masks };
}

/** Whether a node is a BatchNormalization whose running statistics training moves. */
function isTracked({ operator, inputs }: GraphNode, state: ReadonlySet<string>): boolean {
  if (operator !== "BatchNormalization") return false;
  return RUNNING_STATISTICS.every((at) => state.has(inputs[at] ?? ""));
}

function unique(taken: Set<string>, wanted: string): string {
  let name = wanted;
  for (let i = 1; taken.has(name); i++) name = `${wanted}_${i}`;
  taken.add(name);
  return name;
}
