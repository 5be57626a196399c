/** A served model behind a pipeline, whose weights and statistics move with every version. */
import type { DeployedState } from "@everfresh/core";
import {
  classes,
  deployCopy,
  encodeRow,
  type Features,
  type Pipeline,
  pipeline,
  type Preprocessing,
  type Preprocessor,
  preprocessorOf,
  Random,
  type RowColumn,
  type RowValue,
  ShapeError,
  statisticsChanges,
  systemClock,
} from "@everfresh/core";
import {
  inferenceGraph,
  type InferenceSession,
  mlp,
  type Model,
  openInference,
  withStatistics,
} from "@everfresh/engine";
import { encodeUpdate, Feed, type Manifest, MemoryTransport } from "@everfresh/sync";

import type { ModelInput } from "./model-input.ts";
import { softmax } from "./softmax.ts";

/** Some inputs, and the same as the samples of a source that training would learn from. */
export interface RawCase {
  readonly pipeline: Pipeline;
  /** The input of a sample that `random` makes, as its stream is at `step`. */
  input(random: Random, step: number): ModelInput;
  /** What a source would have made of it. */
  features(input: ModelInput): Features;
}

const COLUMNS: readonly RowColumn[] = [
  { name: "load", kind: "number" },
  { name: "price", kind: "number" },
  { name: "day", kind: "text", bytesMax: 12 },
];
const DAYS: readonly string[] = ["Monday", "Tuesday", "Sunday"];

/** One of every kind of raw features. */
export const CASES: { readonly [K in Pipeline["raw"]["kind"]]: RawCase } = {
  row: {
    pipeline: pipeline({
      raw: { kind: "row", columns: COLUMNS },
      branches: [
        {
          columns: ["load", "price"],
          steps: [{ kind: "impute", with: "mean" }, { kind: "minMax" }],
        },
        { columns: ["day"], encoder: { kind: "oneHot", categories: [DAYS] } },
      ],
    }),
    input: (random, step) => ({
      row: {
        load: random.below(4) === 0 ? null : random.normal(3 * step, 1 + step),
        price: random.normal(1e6, 1),
        // What is left out is missing.
        ...(random.below(4) === 0 ? {} : { day: DAYS[random.below(3)] ?? null }),
      },
    }),
    features(input) {
      const row: Readonly<Record<string, RowValue>> = "row" in input ? input.row : {};
      return encodeRow(
        COLUMNS,
        COLUMNS.map(({ name }) => row[name] ?? null),
      );
    },
  },
  numbers: {
    pipeline: pipeline({
      raw: { kind: "numbers", columns: ["load", "price"] },
      branches: [{ steps: [{ kind: "standardise" }, { kind: "impute", with: 0 }] }],
    }),
    input: (random, step) => ({
      row: { load: random.normal(3 * step), price: random.below(3) === 0 ? null : random.normal() },
    }),
    features(input) {
      const row: Readonly<Record<string, RowValue>> = "row" in input ? input.row : {};
      return Float32Array.of(Number(row["load"]), Number(row["price"] ?? NaN));
    },
  },
  image: {
    pipeline: pipeline({
      raw: { kind: "image", width: 4, height: 4, channels: 1 },
      branches: [
        {
          steps: [{ kind: "resize", width: 2, height: 2, method: "area" }, { kind: "standardise" }],
        },
      ],
    }),
    input: (random, step) => ({
      image: Uint8Array.from({ length: 16 }, () => random.below(20) + 30 * step),
    }),
    features: (input) => ("image" in input ? input.image : new Uint8Array(0)),
  },
  series: {
    pipeline: pipeline({
      raw: { kind: "series", length: 3, channels: 2 },
      branches: [{ steps: [{ kind: "standardise" }] }],
    }),
    input: (random, step) => ({
      series: Array.from({ length: 3 }, () => [random.normal(step), random.normal(0, 1 + step)]),
    }),
    features: (input) =>
      Float32Array.from("series" in input ? input.series.flatMap((row) => [...row]) : []),
  },
};

/** A publisher of such a model. */
export class LearningModel implements AsyncDisposable {
  readonly manifest: Manifest;
  readonly deployed: DeployedState;
  readonly transport: MemoryTransport;
  readonly preprocessor: Preprocessor;
  readonly #model: Model;
  readonly #case: RawCase;
  readonly #feed: Feed;
  readonly #random = new Random(3);
  #reference: InferenceSession | null = null;

  /** @param described what the manifest says, if not the truth */
  constructor(raw: RawCase, described: Preprocessing = raw.pipeline) {
    this.#case = raw;
    this.preprocessor = preprocessorOf(raw.pipeline);
    const inputs = this.preprocessor.inputShape.reduce((size, each) => size * each, 1);
    const bare = mlp({ inputs, hidden: [6], outputs: 3, seed: 1 });
    this.#model = withStatistics(bare, this.preprocessor);
    this.deployed = deployCopy(this.#model.state, 0);
    const { state, input, output } = this.#model;
    this.manifest = {
      name: "learning",
      logId: "log-1",
      graph: inferenceGraph(this.#model),
      layout: state.layout,
      input,
      output,
      preprocessing: described,
      target: classes(3),
    };
    const { manifest, deployed } = this;
    this.#feed = new Feed({ manifest, deployed, clock: systemClock });
    this.transport = new MemoryTransport({ accept: (end) => this.#feed.connect(end) });
  }

  /** The next version: as training would, new samples are observed and weights change. */
  publish(): void {
    const { deployed, preprocessor } = this;
    const step = deployed.version;
    const samples = Array.from({ length: 12 }, () =>
      this.#case.features(this.#case.input(this.#random, step)),
    );
    const observed = preprocessor.observe(preprocessor.statisticsIn(deployed.state), samples);
    const { layout } = deployed.state;
    const update = deployed.updateFor({
      valueType: "float32",
      indices: Uint32Array.of(step % 5, 6 + (step % 7)),
      values: Float32Array.from([0, 0], () => this.#random.normal()),
      buffers: statisticsChanges(layout, preprocessor.statistics, observed),
    });
    this.#feed.publish(update, encodeUpdate(update, { layout }));
    deployed.apply(update);
  }

  /** Probabilities as the trainer would compute them at this version, by its own transform. */
  async expected(inputs: readonly ModelInput[]): Promise<readonly Float32Array[]> {
    const { state, version, fingerprint } = this.deployed;
    const { graph } = this.manifest;
    const initial = { state, version, fingerprint };
    this.#reference ??= await openInference(graph, initial, { mode: "patch" });
    const session = this.#reference;
    await session.replace(initial);
    const statistics = this.preprocessor.statisticsIn(state);
    const features = inputs.map((input) => this.#case.features(input));
    const transformed = this.preprocessor.transform(statistics, features);
    const { outputs } = await session.predict(transformed, inputs.length);
    if (outputs.length !== 3 * inputs.length) throw new ShapeError("three classes were expected");
    return inputs.map((_, i) => softmax(outputs.subarray(3 * i, 3 * i + 3)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reference?.[Symbol.asyncDispose]();
  }
}
