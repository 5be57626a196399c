import { assert, DeployedState, type Features, stateOn, type Update } from "@everfresh/core";
import { sampleLength } from "../models/port-shape.ts";
import type { LoadRuntime, Runtime } from "../runtime/runtime.ts";
import { InferenceFile } from "./inference-file.ts";
import {
  answerFrom,
  BakedGraph,
  type InferenceGraph,
  PatchedGraph,
  versionOf,
} from "./inference-graph.ts";
import { fasterMode, type TimedRun } from "./inference-measurement.ts";
import type {
  InferenceWorkerReport,
  InferenceWorkerSetup,
  SentPrediction,
  SentState,
} from "./inference-protocol.ts";
import type { StateVersion } from "./inference-session.ts";
import { InputTransform } from "./input-transform.ts";
import { PREDICT_ROWS_MAX } from "./predictor.ts";
import { checkSameLayout } from "./same-layout.ts";

/**
 * The worker's side of an inference session: the deployed state, and a graph that answers. A patched
 * graph is bound to the state's memory: updates are written there between two runs, and the next run
 * sees them. A baked graph holds the state of one moment, until the next bake.
 */
export class LiveModel {
  readonly #setup: InferenceWorkerSetup;
  readonly #runtime: Runtime;
  readonly #transform: InputTransform;
  #deployed: DeployedState;
  #file: InferenceFile | null = null;
  /** What answers; null while this worker rests. */
  #graph: InferenceGraph | null = null;
  #bakeMs = 0;

  private constructor(
    setup: InferenceWorkerSetup,
    { runtime, transform }: { readonly runtime: Runtime; readonly transform: InputTransform },
    deployed: DeployedState,
  ) {
    this.#setup = setup;
    this.#runtime = runtime;
    this.#transform = transform;
    this.#deployed = deployed;
  }

  /** Loads ONNX Runtime, checks the state against its fingerprint and opens the graph. */
  static async open(setup: InferenceWorkerSetup, load: LoadRuntime): Promise<LiveModel> {
    const deployed = receive(setup.initial);
    const transform = await InputTransform.open(setup.preprocessing, deployed.state.layout);
    const model = new LiveModel(setup, { runtime: await load(setup.runtime), transform }, deployed);
    await model.#begin();
    return model;
  }

  /** What this worker is. */
  get report(): InferenceWorkerReport {
    const { backend, provider, version, fallbackReason } = this.#runtime;
    return {
      runtime: { backend, provider, version, fallbackReason },
      mode: this.#graph instanceof PatchedGraph ? "patch" : "bake",
      bakeMs: this.#bakeMs,
    };
  }

  predict(features: Features, size: number): Promise<SentPrediction> {
    assert(this.#graph !== null, "a worker that rests was asked to predict");
    return answerFrom(this.#graph, this.#transform, { features, size });
  }

  apply(update: Update): StateVersion {
    this.#deployed.apply(update);
    return versionOf(this.#deployed);
  }

  replace(snapshot: SentState): StateVersion {
    checkSameLayout(snapshot.layout, this.#deployed.state.layout);
    this.#deployed = receive(snapshot);
    if (this.#graph instanceof PatchedGraph) this.#graph = this.#graph.over(this.#deployed);
    return versionOf(this.#deployed);
  }

  /** Answers from now on with the state as it is now; returns its version. */
  async bake(rows: number): Promise<StateVersion> {
    await this.rest();
    const startedMs = performance.now();
    const { onnx, threads } = this.#setup;
    this.#file ??= new InferenceFile(onnx, this.#deployed.state.layout);
    const graph = await BakedGraph.open(this.#runtime, this.#file, this.#deployed, {
      threads,
      transform: this.#transform,
    });
    this.#graph = graph;
    // The first run allocates: no prediction should wait for that.
    if (rows > 0) await predictZeros(graph, rows)();
    this.#bakeMs = performance.now() - startedMs;
    return graph.version;
  }

  /** Frees the graph. */
  async rest(): Promise<void> {
    const graph = this.#graph;
    this.#graph = null;
    await graph?.release();
  }

  /**
   * Checks the next `words` words of the state, 4 bytes each; says whether they were the last ones.
   * @throws FingerprintMismatchError with the last ones, when the state is not what it was
   */
  scrub(words: number): boolean {
    return this.#deployed.verifyPart(words);
  }

  async #begin(): Promise<void> {
    const { begin, onnx, threads, rows } = this.#setup;
    if (begin === "rest") return;
    // First of all: this finds out what is wrong with a graph.
    const graph = await this.#runtime.open(onnx, { threads });
    const patched = new PatchedGraph(graph, this.#deployed, this.#transform);
    if (begin === "patch") {
      this.#graph = patched;
      return;
    }
    // Once more than needed, because the very first bake is slower than all others.
    await this.bake(rows);
    await this.bake(rows);
    const baked = this.#graph;
    assert(baked !== null, "baked");
    if (begin === "bake") return patched.release();
    const mode = await fasterMode(predictZeros(patched, rows), predictZeros(baked, rows));
    if (mode === "bake") return patched.release();
    await this.rest();
    this.#graph = patched;
  }
}

/** A prediction for zeros, of one run at most. */
function predictZeros({ ports, predictor }: InferenceGraph, size: number): TimedRun {
  const rows = Math.min(size, PREDICT_ROWS_MAX);
  const inputs = new Float32Array(rows * sampleLength(ports.input));
  return async () => {
    await predictor.predict(inputs, rows);
    return predictor.runMs;
  };
}

function receive({ layout, buffer, version, fingerprint }: SentState): DeployedState {
  return new DeployedState(stateOn(layout, buffer), version, fingerprint);
}
