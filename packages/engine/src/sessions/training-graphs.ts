import { type DiagnosisGraph, diagnosisGraph } from "../autodiff/diagnosis-graph.ts";
import { type InputGradientStep, inputGradientStep } from "../autodiff/input-gradient-step.ts";
import { type MomentsGraph, momentsGraph } from "../autodiff/moments-graph.ts";
import {
  type TrainingStep,
  trainingStep,
  type TrainingStepOptions,
} from "../autodiff/training-step.ts";
import type { Graph, GraphNode } from "../graph/graph.ts";
import type { Model } from "../models/model.ts";
import { Recent } from "./recent.ts";
import { evenRows, paddedRows, type Rows } from "./shard-rows.ts";
import type { TrainingProgram } from "./training-program.ts";
import type { BatchPart } from "./training-protocol.ts";

// Batches that are not full come in few sizes, at the end of a stream or of what is new.
const STEPS_MAX = 4;

/** What a session splits its batches into, and the graphs that it needs beside its program's. */
export class TrainingGraphs {
  readonly #model: Model;
  readonly #program: TrainingProgram;
  readonly #options: Omit<TrainingStepOptions, "batchSize">;
  readonly #workers: number;
  readonly #steps: Recent<number, TrainingStep> = new Recent(STEPS_MAX);
  readonly #moments: Recent<number, MomentsGraph> = new Recent(STEPS_MAX);
  #inputGradient: InputGradientStep | null = null;

  constructor(
    model: Model,
    program: TrainingProgram,
    options: Omit<TrainingStepOptions, "batchSize">,
    workers: number,
  ) {
    this.#model = model;
    this.#program = program;
    this.#options = options;
    this.#workers = workers;
  }

  /**
   * What each worker computes of a batch. Padding must not count in the statistics of a batch, so where
   * there are any each size has a step of its own.
   */
  partsOf(size: number): readonly BatchPart[] {
    const { shardSize, step } = this.#program;
    if (step.outputs.moments.length === 0) {
      return paddedRows(size, this.#workers, shardSize).map((rows) => ({ rows, step: null }));
    }
    return evenRows(size, this.#workers).map((rows) => {
      const [from, to] = rows;
      const batchSize = to - from;
      if (batchSize === 0 || batchSize === shardSize) return { rows, step: null };
      const make = (): TrainingStep =>
        sendable(trainingStep(this.#model, { ...this.#options, batchSize }));
      return { rows, step: this.#steps.get(batchSize, make) };
    });
  }

  /** The gradient with respect to the input, for as many samples as a full part has. */
  inputGradient(): InputGradientStep {
    const { loss } = this.#options;
    this.#inputGradient ??= sendable(
      inputGradientStep(this.#model, {
        batchSize: this.#program.shardSize,
        ...(loss === undefined ? {} : { loss }),
      }),
    );
    return this.#inputGradient;
  }

  /** The parts that a batch is split into for its statistics, as for a step, with their graphs. */
  momentsOf(size: number): readonly { readonly rows: Rows; readonly graph: MomentsGraph }[] {
    const parts = evenRows(size, this.#workers).filter(([from, to]) => to > from);
    return parts.map((rows) => {
      const [from, to] = rows;
      const make = (): MomentsGraph =>
        sendable(momentsGraph(this.#model, { ...this.#options, batchSize: to - from }));
      return { rows, graph: this.#moments.get(to - from, make) };
    });
  }

  /** What shows all that the step of a part of `rows` samples computes. */
  diagnosis([from, to]: Rows): DiagnosisGraph {
    const { shardSize, step } = this.#program;
    const padded = step.outputs.moments.length === 0;
    return diagnosisGraph(this.#model, padded ? shardSize : to - from);
  }

  /** Whether the steps have operators that ONNX Runtime has but does not document. */
  get usesInternalOperators(): boolean {
    return this.#program.step.internalOperators;
  }

  /** The program's step in the formulation that is the plainest. */
  reference(): TrainingStep {
    return this.#full(this.#model, false);
  }

  /**
   * The program's step, and its plainest formulation, of the same network without kinks: with
   * softplus, ln(1 + eˣ), in the place of what is linear on both sides of an edge.
   */
  withoutKinks(): { readonly candidate: TrainingStep; readonly reference: TrainingStep } {
    const model = { ...this.#model, graph: smoothed(this.#model.graph) };
    return { candidate: this.#full(model, true), reference: this.#full(model, false) };
  }

  #full(model: Model, accelerate: boolean): TrainingStep {
    const batchSize = this.#program.shardSize;
    return trainingStep(model, { ...this.#options, batchSize, accelerate });
  }
}

const KINKED: ReadonlySet<GraphNode["operator"]> = new Set(["Clip", "LeakyRelu", "Relu"]);

function smoothed(graph: Graph): Graph {
  const nodes = graph.nodes.map((node): GraphNode => {
    const { operator, inputs } = node;
    if (!KINKED.has(operator)) return node;
    return { ...node, operator: "Softplus", inputs: inputs.slice(0, 1), attributes: {} };
  });
  return { ...graph, nodes };
}

/**
 * The same with its file in shared memory, where there is any: it goes to workers with many requests,
 * and is not copied then. What opens it copies it, because ONNX Runtime takes no shared memory.
 */
function sendable<Step extends { readonly onnx: Uint8Array }>(step: Step): Step {
  if (typeof SharedArrayBuffer === "undefined") return step;
  const onnx = new Uint8Array(new SharedArrayBuffer(step.onnx.length));
  onnx.set(step.onnx);
  return { ...step, onnx };
}
