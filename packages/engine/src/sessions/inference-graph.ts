import {
  type DeployedState,
  type Features,
  type FeatureStatistics,
  ShapeError,
  type StateLayout,
} from "@everfresh/core";
import type { ModelPort } from "../models/model.ts";
import { graphTensors } from "../models/state-tensors.ts";
import type { GraphSession, GraphValue, Runtime } from "../runtime/runtime.ts";
import { sampleLength } from "../models/port-shape.ts";
import type { InferenceFile } from "./inference-file.ts";
import type { SentPrediction } from "./inference-protocol.ts";
import type { StateVersion } from "./inference-session.ts";
import type { InputTransform } from "./input-transform.ts";
import { checkInputs, Predictor, type PredictorPorts, stateTensors } from "./predictor.ts";

/** An opened graph that answers predictions. */
export interface InferenceGraph {
  readonly ports: PredictorPorts;
  readonly predictor: Predictor;
  /** Which state answers now. */
  readonly version: StateVersion;
  /** The statistics of preprocessing in that state. */
  readonly statistics: FeatureStatistics;
  /** Frees the graph; no prediction may follow. */
  release(): Promise<void>;
}

/** A graph whose weights are inputs: it sees what is in the state's memory. */
export class PatchedGraph implements InferenceGraph {
  readonly ports: PredictorPorts;
  readonly predictor: Predictor;
  readonly #graph: GraphSession;
  readonly #deployed: DeployedState;
  readonly #transform: InputTransform;

  constructor(graph: GraphSession, deployed: DeployedState, transform: InputTransform) {
    this.ports = portsOf(graph, deployed.state.layout);
    this.predictor = new Predictor(graph, this.ports, stateTensors(deployed.state));
    this.#graph = graph;
    this.#deployed = deployed;
    this.#transform = transform;
  }

  get version(): StateVersion {
    return versionOf(this.#deployed);
  }

  get statistics(): FeatureStatistics {
    return this.#transform.statisticsIn(this.#deployed.state);
  }

  /** The same graph over another state. */
  over(deployed: DeployedState): PatchedGraph {
    return new PatchedGraph(this.#graph, deployed, this.#transform);
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
  readonly statistics: FeatureStatistics;
  readonly #graph: GraphSession;

  private constructor(graph: GraphSession, version: StateVersion, statistics: FeatureStatistics) {
    this.ports = portsOf(graph);
    this.predictor = new Predictor(graph, this.ports);
    this.version = version;
    this.statistics = statistics;
    this.#graph = graph;
  }

  /** Makes a graph with the values that `deployed` has now. */
  static async open(
    runtime: Runtime,
    file: InferenceFile,
    deployed: DeployedState,
    { threads, transform }: { readonly threads: number; readonly transform: InputTransform },
  ): Promise<BakedGraph> {
    const version = versionOf(deployed);
    const statistics = transform.statisticsIn(deployed.state);
    const bytes = file.of(deployed.state);
    const graph = await runtime.open(bytes, { threads });
    // ONNX Runtime has a copy of its own; this one can be large and would wait for the collector.
    bytes.buffer.transfer(0);
    return new BakedGraph(graph, version, statistics);
  }

  release(): Promise<void> {
    return this.#graph.release();
  }
}

/** The answer to `size` samples, from one state and by its statistics. */
export async function answerFrom(
  graph: InferenceGraph,
  transform: InputTransform,
  { features, size }: { readonly features: Features; readonly size: number },
): Promise<SentPrediction> {
  const { ports, predictor, version, statistics } = graph;
  const inputs = transform.inputsOf(features, size, statistics);
  checkInputs(inputs, size, sampleLength(ports.input));
  const outputs = await predictor.predict(inputs, size);
  return { outputs, runMs: predictor.runMs, ...version };
}

/** What identifies a state now. */
export function versionOf({ version, fingerprint }: DeployedState): StateVersion {
  return { version, fingerprint };
}

/** The input that is not part of the state, and the output. */
function portsOf(graph: GraphSession, layout?: StateLayout): PredictorPorts {
  const names = new Set(layout === undefined ? [] : graphTensors(layout).map(({ name }) => name));
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
