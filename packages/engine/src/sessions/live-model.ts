import { DeployedState, ShapeError, type StateLayout, stateOn, type Update } from "@everfresh/core";
import type { ModelPort } from "../models/model.ts";
import { loadRuntime } from "../runtime/load-runtime.ts";
import type { GraphSession, GraphValue, NamedTensors } from "../runtime/runtime.ts";
import type { InferenceWorkerSetup, SentState } from "./inference-protocol.ts";
import type { Prediction, StateVersion } from "./inference-session.ts";
import { checkInputs, predictRows, stateTensors } from "./predictor.ts";
import { sampleLength } from "./training-program.ts";

interface Ports {
  readonly input: ModelPort;
  readonly output: ModelPort;
}

/**
 * The worker's side of an inference session: a graph, and the deployed state whose memory is bound to
 * it. Updates are written into that memory between two runs, and the next run sees them.
 */
export class LiveModel {
  readonly #graph: GraphSession;
  readonly #ports: Ports;
  #deployed: DeployedState;
  #tensors: NamedTensors;

  private constructor(graph: GraphSession, ports: Ports, deployed: DeployedState) {
    this.#graph = graph;
    this.#ports = ports;
    this.#deployed = deployed;
    this.#tensors = stateTensors(deployed.state);
  }

  /** Loads ONNX Runtime, checks the state against its fingerprint and opens the graph. */
  static async open(setup: InferenceWorkerSetup): Promise<LiveModel> {
    const deployed = receive(setup.initial);
    const runtime = await loadRuntime(setup.backend);
    const graph = await runtime.open(setup.onnx, { threads: setup.threads });
    return new LiveModel(graph, portsOf(graph, setup.initial.layout), deployed);
  }

  /** Which state answers now. */
  get version(): StateVersion {
    return { version: this.#deployed.version, fingerprint: this.#deployed.fingerprint };
  }

  async predict(
    inputs: Float32Array,
    size: number,
  ): Promise<Prediction & { readonly outputs: Float32Array<ArrayBuffer> }> {
    checkInputs(inputs, size, sampleLength(this.#ports.input));
    const version = this.version;
    const outputs = await predictRows(this.#graph, this.#ports, this.#tensors, inputs, size);
    return { outputs, ...version };
  }

  apply(update: Update): StateVersion {
    this.#deployed.apply(update);
    return this.version;
  }

  replace(snapshot: SentState): StateVersion {
    const current = this.#deployed.state.layout;
    if (describe(snapshot.layout) !== describe(current)) {
      throw new ShapeError("The snapshot is of a model with other tensors; open a new session");
    }
    this.#deployed = receive(snapshot);
    this.#tensors = stateTensors(this.#deployed.state);
    return this.version;
  }
}

function receive({ layout, buffer, version, fingerprint }: SentState): DeployedState {
  return new DeployedState(stateOn(layout, buffer), version, fingerprint);
}

/** The input that is not part of the state, and the output. */
function portsOf(graph: GraphSession, layout: StateLayout): Ports {
  const names = new Set(layout.tensors.map((entry) => entry.name));
  const inputs = graph.inputs.filter((value) => !names.has(value.name));
  const missing = [...names].filter((name) => !graph.inputs.some((value) => value.name === name));
  const [input] = inputs;
  const [output] = graph.outputs;
  if (input === undefined || inputs.length !== 1 || output === undefined || missing.length > 0) {
    throw new ShapeError(
      "The graph must take one batch and every tensor of the state: " +
        `it has the other inputs [${inputs.map((value) => value.name).join(", ")}]` +
        ` and lacks [${missing.join(", ")}]`,
    );
  }
  return { input: port(input), output: port(output) };
}

function port({ name, shape }: GraphValue): ModelPort {
  const sizes = shape.slice(1).filter((size) => size !== null);
  if (sizes.length !== shape.length - 1) {
    throw new ShapeError(`"${name}" of the graph has unknown sizes beyond the batch`);
  }
  return { name, shape: sizes };
}

function describe(layout: StateLayout): string {
  return JSON.stringify(
    layout.tensors.map(({ name, role, dtype, shape }) => [name, role, dtype, shape]),
  );
}
