/** Several deployed copies of one model in training, which differ in what updates bring them. */
import {
  type BufferChange,
  cloneState,
  dataOf,
  deployCopy,
  type DeployedState,
  type ModelState,
  type StateChange,
} from "@everfresh/core";
import { type BufferSource, estimateBuffers, type Sparsifier, topK } from "@everfresh/learn";
import { encodeUpdate } from "@everfresh/sync";

/** What estimates of running statistics are made with, beside the copy. */
export type EstimateSource = Omit<BufferSource, "deployed" | "buffers">;

/** How often the lengths of updates with all of θ's statistics are taken. */
const WEIGHED_EVERY = 50;

const NOTHING: StateChange = {
  valueType: "float32",
  indices: new Uint32Array(0),
  values: new Float32Array(0),
  buffers: [],
};

/** The parameters that one ratio deploys, with running statistics of several paces. */
export class DeployedCopies {
  readonly ratio: number;
  readonly #estimatedAt: ReadonlySet<number>;
  readonly #batches: number;
  readonly #deployed: DeployedState;
  readonly #sparsifier: Sparsifier;
  /** By the version that they came with. */
  readonly #statistics = new Map<number, readonly BufferChange[]>();
  readonly #updateBytes: number[] = [];
  readonly #wholeBytes: number[] = [];
  readonly #estimateMs: number[] = [];

  constructor(
    state: ModelState,
    options: {
      readonly ratio: number;
      /** Versions with an estimate: those that are tested. No other has to do with the rest. */
      readonly estimatedAt: ReadonlySet<number>;
      /** Batches of an estimate. */
      readonly batches: number;
    },
  ) {
    this.ratio = options.ratio;
    this.#estimatedAt = options.estimatedAt;
    this.#batches = options.batches;
    this.#deployed = deployCopy(state, 0);
    this.#sparsifier = topK({ ratio: options.ratio, valueType: "float16" });
  }

  /** Takes the next update, from θ. */
  async follow(trained: ModelState, source: EstimateSource, samples: number): Promise<void> {
    const change = this.#sparsifier.select(trained, this.#deployed.state);
    const version = this.#deployed.version + 1;
    const bytes = this.#lengthOf(change, []);
    if (this.#estimatedAt.has(version)) {
      const startMs = performance.now();
      const buffers = await this.#estimate(source, change, samples, this.#batches);
      this.#estimateMs.push(performance.now() - startMs);
      this.#statistics.set(version, buffers);
    }
    if (version % WEIGHED_EVERY === 0) {
      this.#wholeBytes.push(this.#lengthOf(change, buffersOf(trained)) - bytes);
    }
    this.#updateBytes.push(bytes);
    this.#deployed.apply(this.#deployed.updateFor(change));
  }

  /** Bytes that statistics of `version` add to its update where those of `before` are there. */
  estimateBytes(version: number, before: number): number {
    const { layout } = this.#deployed.state;
    const base = new Uint32Array(this.withStatisticsOf(before).buffer, 0, layout.byteLength / 4);
    const buffers = this.#statisticsOf(version);
    const update = this.#deployed.updateFor({ ...NOTHING, buffers });
    const without = encodeUpdate({ ...update, buffers: [] }, { layout });
    return encodeUpdate(update, { layout, base }).length - without.length;
  }

  /** Its state with the statistics that came with a version. */
  withStatisticsOf(version: number): ModelState {
    return withBuffers(this.#deployed.state, this.#statisticsOf(version));
  }

  /** Its state with all of θ's statistics, which updates would bring every time. */
  withTrained(trained: ModelState): ModelState {
    return withBuffers(this.#deployed.state, buffersOf(trained));
  }

  /** Its state with the statistics that it began with. */
  get untouched(): ModelState {
    return withBuffers(this.#deployed.state, []);
  }

  /** Its state with statistics estimated now, from so many batches. */
  async fresh(source: EstimateSource, samples: number, batches: number): Promise<ModelState> {
    const buffers = await this.#estimate(source, NOTHING, samples, batches);
    return withBuffers(this.#deployed.state, buffers);
  }

  /** Mean lengths: of an update's parameters, and of θ's statistics beside them. */
  get bytes(): { readonly parameters: number; readonly whole: number } {
    return { parameters: mean(this.#updateBytes), whole: mean(this.#wholeBytes) };
  }

  /** Mean duration of an estimate in milliseconds. */
  get estimateMs(): number {
    return mean(this.#estimateMs);
  }

  #statisticsOf(version: number): readonly BufferChange[] {
    const buffers = this.#statistics.get(version);
    if (buffers === undefined) throw new Error(`no estimate came with version ${version}`);
    return buffers;
  }

  #estimate(
    source: EstimateSource,
    change: StateChange,
    samples: number,
    batches: number,
  ): Promise<readonly BufferChange[]> {
    const deployed = this.#deployed;
    return estimateBuffers({ ...source, deployed, buffers: { batches } }, change, samples);
  }

  #lengthOf(change: StateChange, buffers: readonly BufferChange[]): number {
    const { layout, buffer } = this.#deployed.state;
    const base = new Uint32Array(buffer, 0, layout.parameterCount);
    const update = this.#deployed.updateFor({ ...change, buffers });
    return encodeUpdate(update, { layout, base }).length;
  }
}

function buffersOf(state: ModelState): readonly BufferChange[] {
  return state.layout.tensors.flatMap((entry, tensor) =>
    entry.role === "buffer" ? [{ tensor, data: dataOf(state, entry).slice() }] : [],
  );
}

function withBuffers(state: ModelState, buffers: readonly BufferChange[]): ModelState {
  const copy = cloneState(state, { shared: true });
  for (const { tensor, data } of buffers) {
    const entry = copy.layout.tensors[tensor];
    if (entry === undefined) throw new Error(`no tensor ${tensor}`);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    new Uint8Array(copy.buffer, entry.byteOffset, data.byteLength).set(bytes);
  }
  return copy;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
