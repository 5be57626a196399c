import { type DeployedState, ShapeError, type StateLayout } from "@everfresh/core";
import type { ModelPort } from "../models/model.ts";
import type { GraphSession, GraphValue, Runtime } from "../runtime/runtime.ts";
import type { InferenceFile } from "./inference-file.ts";
import type { StateVersion } from "./inference-session.ts";
import { Predictor, type PredictorPorts, stateTensors } from "./predictor.ts";

/** An opened graph that answers predictions. */
export interface InferenceGraph {
  readonly ports: PredictorPorts;
  readonly predictor: Predictor;
  /** Which state answers now. */
  readonly version: StateVersion;
  /** Frees the graph; no prediction may follow. */
  release(): Promise<void>;
}

/** A graph whose weights are inputs: it sees what is in the state's memory. */
export class PatchedGraph implements InferenceGraph {
  readonly ports: PredictorPorts;
  readonly predictor: Predictor;
  readonly #graph: GraphSession;
  readonly #deployed: DeployedState;

  constructor(graph: GraphSession, deployed: DeployedState) {
    this.ports = portsOf(graph, deployed.state.layout);
    this.predictor = new Predictor(graph, this.ports, stateTensors(deployed.state));
    this.#graph = graph;
    this.#deployed = deployed;
  }

  get version(): StateVersion {
    return versionOf(this.#deployed);
  }

  /** The same graph over another state. */
  over(deployed: DeployedState): PatchedGraph {
    return new PatchedGraph(this.#graph, deployed);
  }

  release(): Promise<void> {
    return this.#graph.release();
  }
}

/** A graph whose weights are constants: the state as it was when the graph was made. */
export class BakedGraph implements InferenceGraph {
  readonly ports: PredictorPorts;
  readonly predictor: Predictor;
  readonly version: StateVersion;
  readonly #graph: GraphSession;

  private constructor(graph: GraphSession, version: StateVersion) {
    this.ports = portsOf(graph);
    this.predictor = new Predictor(graph, this.ports);
    this.version = version;
    this.#graph = graph;
  }

  /** Makes a graph with the values that `deployed` has now. */
  static async open(
    runtime: Runtime,
    file: InferenceFile,
    deployed: DeployedState,
    threads: number,
  ): Promise<BakedGraph> {
    const version = versionOf(deployed);
    const bytes = file.of(deployed.state);
    const graph = await runtime.open(bytes, { threads });
    // ONNX Runtime has a copy of its own; this one can be large and would wait for the collector.
    bytes.buffer.transfer(0);
    return new BakedGraph(graph, version);
  }

  release(): Promise<void> {
    return this.#graph.release();
  }
}

/** What identifies a state now. */
export function versionOf({ version, fingerprint }: DeployedState): StateVersion {
  return { version, fingerprint };
}

/** The input that is not part of the state, and the output. */
function portsOf(graph: GraphSession, layout?: StateLayout): PredictorPorts {
  const names = new Set(layout?.tensors.map((entry) => entry.name));
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
