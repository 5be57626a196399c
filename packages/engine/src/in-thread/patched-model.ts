import { DeployedState, stateOn } from "@everfresh/core";
import type { Runtime } from "../runtime/runtime.ts";
import { answerFrom, PatchedGraph, versionOf } from "../sessions/inference-graph.ts";
import type {
  InferenceRequest,
  InferenceWorkerReport,
  InferenceWorkerSetup,
  SentState,
} from "../sessions/inference-protocol.ts";
import { InputTransform } from "../sessions/input-transform.ts";
import { checkSameLayout } from "../sessions/same-layout.ts";
import type { Answer } from "../sessions/worker-loop.ts";

/** What a {@link PatchedModel} is made of. */
interface PatchedParts {
  readonly deployed: DeployedState;
  readonly graph: PatchedGraph;
  readonly transform: InputTransform;
}

/**
 * A deployed state and a graph that is bound to its memory: `LiveModel` without the other mode, whose
 * files would double what a page has to load.
 */
export class PatchedModel {
  readonly report: InferenceWorkerReport;
  readonly #transform: InputTransform;
  #deployed: DeployedState;
  #graph: PatchedGraph;

  private constructor(runtime: Runtime, { deployed, graph, transform }: PatchedParts) {
    const { backend, provider, version, fallbackReason } = runtime;
    const report = { backend, provider, version, fallbackReason };
    this.report = { runtime: report, mode: "patch", bakeMs: 0 };
    this.#transform = transform;
    this.#deployed = deployed;
    this.#graph = graph;
  }

  /** Checks the state against its fingerprint, takes its memory over and opens the graph. */
  static async open(
    runtime: Runtime,
    { initial, onnx, threads, preprocessing }: InferenceWorkerSetup,
  ): Promise<PatchedModel> {
    const deployed = receive(initial);
    const transform = await InputTransform.open(preprocessing, deployed.state.layout);
    const opened = await runtime.open(onnx, { threads });
    const graph = new PatchedGraph(opened, deployed, transform);
    return new PatchedModel(runtime, { deployed, graph, transform });
  }

  /** Answers a request; those that are about baking never come here. */
  async answer(request: InferenceRequest): Promise<Answer> {
    switch (request.kind) {
      case "predict":
        return { value: await answerFrom(this.#graph, this.#transform, request) };
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
