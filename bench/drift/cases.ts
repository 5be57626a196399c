import path from "node:path";
import { type Features, image, type Sample } from "@everfresh/core";
import { adam, lenet5 } from "@everfresh/engine";
import { csv, hyperplane, mnist, SEA_CONCEPTS, type Source } from "@everfresh/streams";
import {
  EXPERIMENTS,
  LEARNING_RATE,
  MNIST_PIXELS,
  parted,
  type StreamExperiment,
  tabular,
} from "../streams/experiments.ts";
import { mixture, MIXTURE_CHANGE_AT, type MixtureChange } from "./mixture.ts";

/** A place where a stream changes, in samples from its first one on. */
export interface StreamChange {
  readonly fromSample: number;
  /** Samples until the change is complete; 0 where it is at once. */
  readonly overSamples: number;
}

/** A stream that is learned from, and what is known about its changes. */
export interface DriftCase {
  readonly experiment: StreamExperiment;
  /** Null where nobody knows. */
  readonly changes: readonly StreamChange[] | null;
}

const MNIST_INITIAL = 10_000;
const MNIST_CHANGE_AT = 20_000;
const MNIST_IMAGES = 40_000;
const WHITE = 255;

/** Streams by the names of their cases. */
export const STREAM_CASES: Readonly<Record<string, DriftCase>> = {
  sea: known(
    experimentOf("sea"),
    SEA_CONCEPTS.slice(1).map(({ fromSample }) => ({ fromSample, overSamples: 0 })),
  ),
  hyperplane: unknown(
    tabular("Hyperplane", 5_000, ({ seed }) => hyperplane({ seed, size: 50_000 })),
  ),
  elec2: unknown(experimentOf("elec2")),
  "noaa-weather": unknown(experimentOf("noaa")),
  "insects-gradual": unknown(experimentOf("insects")),
  posture: unknown(tabular("Posture", 5_000, tableOf("posture", "activity"))),
  bike: unknown(experimentOf("bike")),
  "mnist-rotated": known(experimentOf("mnist-rotation-abrupt"), [
    { fromSample: MNIST_CHANGE_AT, overSamples: 0 },
  ]),
  "mnist-inverted": known(invertedMnist(), [{ fromSample: MNIST_CHANGE_AT, overSamples: 0 }]),
  "label-swap": mixtureCase("Mixture whose labels swap", "labels swap"),
  "harmless-shift": mixtureCase("Mixture whose features move", "features move"),
};

function experimentOf(name: string): StreamExperiment {
  const experiment = EXPERIMENTS[name];
  if (experiment === undefined) throw new Error(`No experiment "${name}"`);
  return experiment;
}

function known(experiment: StreamExperiment, changes: readonly StreamChange[]): DriftCase {
  return { experiment, changes };
}

function unknown(experiment: StreamExperiment): DriftCase {
  return { experiment, changes: null };
}

function mixtureCase(title: string, change: MixtureChange): DriftCase {
  const experiment = tabular(title, 2_000, ({ seed, scale }) => mixture({ seed, scale, change }));
  return known(experiment, [{ fromSample: MIXTURE_CHANGE_AT, overSamples: 0 }]);
}

function tableOf(name: string, label: string): (options: { data: string }) => Promise<Source> {
  return ({ data }) => csv({ file: path.join(data, "drift-streams", `${name}.csv.gz`), label });
}

/** MNIST, whose images are black on white from one on. */
function invertedMnist(): StreamExperiment {
  return {
    ...experimentOf("mnist-rotation-abrupt"),
    title: "MNIST that turns negative",
    optimizer: adam({ learningRate: LEARNING_RATE, amsgrad: true }),
    async open({ data, seed, scale }) {
      const source = { ...(await mnist(path.join(data, "mnist"), "train")), size: MNIST_IMAGES };
      const from = Math.round(scale * MNIST_CHANGE_AT);
      return {
        ...(await parted(inverted(source, from), MNIST_INITIAL, scale)),
        target: source.schema.target,
        preprocessing: image({ width: 28, height: 28, ...MNIST_PIXELS }),
        model: lenet5({ seed }),
      };
    },
  };
}

function inverted(source: Source, fromSample: number): Source {
  return {
    ...source,
    async *read(options = {}) {
      let position = options.from ?? 0;
      for await (const sample of source.read(options)) {
        yield position++ < fromSample ? sample : negative(sample);
      }
    },
  };
}

function negative(sample: Sample): Sample {
  const features: Features = sample.features.map((pixel) => WHITE - pixel);
  return { ...sample, features };
}
