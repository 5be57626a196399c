import { fingerprintOf, type ModelState, sizeOf } from "@everfresh/core";
import {
  embeddingModel,
  inferenceGraph,
  type InferenceOptions,
  type InferenceSession,
  type Model,
  type VersionedState,
} from "@everfresh/engine";
import type { Embedding } from "./embedding.ts";

/** Opens predictions: `openInference` of the engine, or that of its entry for pages. */
export type OpenInference = (
  onnx: Uint8Array,
  initial: VersionedState,
  options: InferenceOptions,
) => Promise<Predictions>;

/** What is used of a session that predicts. */
type Predictions = Pick<InferenceSession, "predict" | "replace"> & AsyncDisposable;

/** The states are few, and each answers for long: nothing is gained by another way. */
const PATCHED: InferenceOptions = { mode: "patch" };

/** What a {@link LayerEmbedding} is made with. */
export interface LayerEmbeddingOptions {
  /** The value of the graph. @default what the last layer takes, see `embeddingModel` */
  readonly layer?: string | undefined;
  readonly open: OpenInference;
}

/** Runs a model up to one of its layers, in a thread of its own that it starts when it is first asked. */
export class LayerEmbedding implements Embedding {
  readonly length: number;
  readonly #onnx: Uint8Array;
  readonly #open: OpenInference;
  #session: Promise<Predictions> | null = null;
  /** The state that answers, and how many there have been. */
  #state: ModelState | null = null;
  #states = 0;

  /** @throws ModelLayerError when the model has no such value */
  constructor(model: Model, { layer, open }: LayerEmbeddingOptions) {
    const part = embeddingModel(model, layer);
    this.length = sizeOf(part.output.shape);
    this.#onnx = inferenceGraph(part);
    this.#open = open;
  }

  async of(state: ModelState, inputs: Float32Array): Promise<Float32Array> {
    const session = await this.#under(state);
    return (await session.predict(inputs, 1)).outputs;
  }

  /** Ends its thread. */
  async [Symbol.asyncDispose](): Promise<void> {
    const session = await this.#session?.catch(() => null);
    await session?.[Symbol.asyncDispose]();
  }

  /** The session once it answers under this state; whoever asks next waits for that, too. */
  #under(state: ModelState): Promise<Predictions> {
    if (this.#session !== null && this.#state === state) return this.#session;
    this.#state = state;
    const snapshot = { state, version: this.#states++, fingerprint: fingerprintOf(state) };
    const replaced = async (session: Predictions): Promise<Predictions> => {
      await session.replace(snapshot);
      return session;
    };
    const opened = this.#session?.then(replaced) ?? this.#open(this.#onnx, snapshot, PATCHED);
    this.#session = opened;
    return opened;
  }
}
