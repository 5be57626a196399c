import { DeployedState, stateOn } from "@everfresh/core";
import { sampleLength } from "../models/port-shape.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { PatchedGraph, versionOf } from "../sessions/inference-graph.ts";
import type {
  InferenceRequest,
  InferenceWorkerReport,
  InferenceWorkerSetup,
  SentState,
} from "../sessions/inference-protocol.ts";
import { checkInputs } from "../sessions/predictor.ts";
import { checkSameLayout } from "../sessions/same-layout.ts";
import type { Answer } from "../sessions/worker-loop.ts";

/**
 * A deployed state and a graph that is bound to its memory: `LiveModel` without the other mode, whose
 * files would double what a page has to load.
 */
export class PatchedModel {
  readonly report: InferenceWorkerReport;
  #deployed: DeployedState;
  #graph: PatchedGraph;

  private constructor(runtime: Runtime, deployed: DeployedState, graph: PatchedGraph) {
    const { backend, provider, version, fallbackReason } = runtime;
    const report = { backend, provider, version, fallbackReason };
    this.report = { runtime: report, mode: "patch", bakeMs: 0 };
    this.#deployed = deployed;
    this.#graph = graph;
  }

  /** Checks the state against its fingerprint, takes its memory over and opens the graph. */
  static async open(
    runtime: Runtime,
    { initial, onnx, threads }: InferenceWorkerSetup,
  ): Promise<PatchedModel> {
    const deployed = receive(initial);
    const graph = await runtime.open(onnx, { threads });
    return new PatchedModel(runtime, deployed, new PatchedGraph(graph, deployed));
  }

  /** Answers a request; those that are about baking never come here. */
  async answer(request: InferenceRequest): Promise<Answer> {
    switch (request.kind) {
      case "predict": {
        const { inputs, size } = request;
        const { ports, predictor, version } = this.#graph;
        checkInputs(inputs, size, sampleLength(ports.input));
        const outputs = await predictor.predict(inputs, size);
        return { value: { outputs, runMs: predictor.runMs, ...version } };
      }
      case "apply":
        this.#deployed.apply(request.update);
        return { value: versionOf(this.#deployed) };
      case "replace":
        checkSameLayout(request.snapshot.layout, this.#deployed.state.layout);
        this.#deployed = receive(request.snapshot);
        this.#graph = this.#graph.over(this.#deployed);
        return { value: versionOf(this.#deployed) };
      case "scrub":
        return { value: this.#deployed.verifyPart(request.words) };
      case "bake":
      case "rest":
        throw new TypeError(`A model in mode "patch" was asked to ${request.kind}`);
    }
  }

  /** Frees the graph. */
  release(): Promise<void> {
    return this.#graph.release();
  }
}

function receive({ layout, buffer, version, fingerprint }: SentState): DeployedState {
  return new DeployedState(stateOn(layout, buffer), version, fingerprint);
}
