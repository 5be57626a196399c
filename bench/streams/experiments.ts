import path from "node:path";
import {
  type ClassTarget,
  image,
  type Preprocessing,
  type Sample,
  standardised,
} from "@everfresh/core";
import { adam, lenet5, mlp, type Model, type OptimizerSpec } from "@everfresh/engine";
import { csv, mnist, rotated, sea, SEA_CONCEPTS, type Source } from "@everfresh/streams";
import {
  IMAGE_STRATEGIES,
  type NamedStrategy,
  TABULAR_STRATEGIES,
  UNSEEN_STRATEGIES,
} from "./strategies.ts";

/** A stream that drifts, and what is compared on it. */
export interface StreamExperiment {
  readonly title: string;
  /** Samples that are known before the stream begins. */
  readonly initialSamples: number;
  /** Passes over them before it begins. */
  readonly initialEpochs: number;
  /** How many samples late labels come, in turns. */
  readonly lags: readonly number[];
  readonly seeds: readonly number[];
  readonly optimizer: OptimizerSpec;
  readonly strategies: readonly NamedStrategy[];
  /** Samples between two points of a curve. */
  readonly curveEvery: number;
  /** Where the concept changes, in samples from the first one on; none where nobody knows. */
  readonly drift?: { readonly fromSample: number; readonly overSamples: number };
  open(options: OpenOptions): Promise<OpenedStream>;
}

/** Options of {@link StreamExperiment.open}. */
export interface OpenOptions {
  /** Folder of the real data. */
  readonly data: string;
  readonly seed: number;
  /** All numbers of samples are multiplied by this. */
  readonly scale: number;
  /** Whether the new concept is there from the first sample on. */
  readonly isReference: boolean;
  /** Of MNIST, in all, before they are scaled. @default {@link MNIST_IMAGES} */
  readonly images?: number;
}

/** A stream in memory. */
export interface OpenedStream {
  readonly initial: readonly Sample[];
  readonly stream: readonly Sample[];
  readonly target: ClassTarget;
  readonly preprocessing: Preprocessing;
  readonly model: Model;
}

/** Of Adam. */
export const LEARNING_RATE = 1e-3;
/** Hidden units of the network for streams of numbers. */
const HIDDEN = [64];
/** Numbers further from the initial mean than so many deviations count as these. */
const DEVIATIONS_MAX = 3;

/** Where the images begin to turn, counted from the first image of the training set. */
const TURN_FROM = 20_000;
const TURN_DEGREES = 90;
const MNIST_INITIAL = 10_000;
/** Images in all: as many of the old concept as after it has begun to change. */
export const MNIST_IMAGES = 40_000;
/** Statistics of the training set of MNIST, as everybody uses them. */
export const MNIST_PIXELS: { readonly mean: readonly number[]; readonly std: readonly number[] } = {
  mean: [0.1307],
  std: [0.3081],
};

/** The experiments by name. */
export const EXPERIMENTS: Readonly<Record<string, StreamExperiment>> = {
  elec2: tabular("Elec2", 4_500, ({ data }) =>
    csv({
      file: path.join(data, "drift-streams", "elec2.csv.gz"),
      label: "class",
      // Without the date, which never comes again: it is the place in the stream.
      features: "day period nswprice nswdemand vicprice vicdemand transfer".split(" "),
    }),
  ),
  noaa: tabular("NOAA weather", 1_800, ({ data }) =>
    csv({ file: path.join(data, "drift-streams", "noaa_weather.csv.gz"), label: "rain" }),
  ),
  sea: tabular("SEA", 5_000, ({ seed, scale }) => {
    const concepts = SEA_CONCEPTS.map(({ fromSample, theta }) => ({
      fromSample: Math.round(scale * fromSample),
      theta,
    }));
    return sea({ seed, concepts });
  }),
  bike: unseen("Bike", 1_700, "bike", "demand"),
  insects: unseen("Insects", 500, "insects_gradual", "species"),
  outdoor: unseen("Outdoor", 400, "outdoor", "object"),
  "mnist-rotation-abrupt": mnistRotation("MNIST that turns at once", 0),
  "mnist-rotation-gradual": mnistRotation("MNIST that turns gradually", 10_000),
};

/** Rows of numbers, standardised by the initial part alone, and a small perceptron. */
export function tabular(
  title: string,
  initialSamples: number,
  sourceOf: (options: OpenOptions) => Source | Promise<Source>,
): StreamExperiment {
  return {
    title,
    initialSamples,
    initialEpochs: 20,
    lags: [0, 500],
    seeds: [1, 2, 3, 4, 5],
    optimizer: adam({ learningRate: LEARNING_RATE }),
    strategies: TABULAR_STRATEGIES,
    curveEvery: 250,
    async open(options) {
      const source = await sourceOf(options);
      const { initial, stream } = await parted(source, initialSamples, options.scale);
      const { target, features } = source.schema;
      return {
        initial,
        stream,
        target,
        preprocessing: standardised(
          initial.map((sample) => sample.features),
          { limit: DEVIATIONS_MAX },
        ),
        model: mlp({
          inputs: features.shape[0] ?? 0,
          hidden: HIDDEN,
          outputs: target.count,
          seed: options.seed,
        }),
      };
    },
  };
}

/** A stream that no sampler was chosen by: what was found elsewhere is tried on it. */
function unseen(
  title: string,
  initialSamples: number,
  name: string,
  label: string,
): StreamExperiment {
  const experiment = tabular(title, initialSamples, ({ data }) =>
    csv({ file: path.join(data, "drift-streams", `${name}.csv.gz`), label }),
  );
  return { ...experiment, seeds: [1, 2, 3], strategies: UNSEEN_STRATEGIES };
}

/** MNIST, whose images turn from one on. */
function mnistRotation(title: string, overSamples: number): StreamExperiment {
  return {
    title,
    initialSamples: MNIST_INITIAL,
    initialEpochs: 10,
    lags: [0],
    seeds: [1, 2, 3],
    optimizer: adam({ learningRate: LEARNING_RATE, amsgrad: true }),
    strategies: IMAGE_STRATEGIES,
    curveEvery: 25,
    drift: { fromSample: TURN_FROM, overSamples },
    async open({ data, seed, scale, isReference, images: size = MNIST_IMAGES }) {
      const source = { ...(await mnist(path.join(data, "mnist"), "train")), size };
      const turned = rotated(source, {
        fromSample: isReference ? 0 : Math.round(scale * TURN_FROM),
        degrees: TURN_DEGREES,
        overSamples: isReference ? 0 : Math.round(scale * overSamples),
      });
      return {
        ...(await parted(turned, MNIST_INITIAL, scale)),
        target: source.schema.target,
        preprocessing: image({ width: 28, height: 28, ...MNIST_PIXELS }),
        model: lenet5({ seed }),
      };
    },
  };
}

/** The first samples of a source, and those after them; of both only a share. */
export async function parted(
  source: Source,
  initialSamples: number,
  scale: number,
): Promise<Pick<OpenedStream, "initial" | "stream">> {
  const initial: Sample[] = [];
  const stream: Sample[] = [];
  const [known, all] = [initialSamples, source.size ?? 0].map((size) => Math.round(scale * size));
  for await (const sample of source.read()) {
    if (initial.length + stream.length === all) break;
    (initial.length < (known ?? 0) ? initial : stream).push(sample);
  }
  return { initial, stream };
}
