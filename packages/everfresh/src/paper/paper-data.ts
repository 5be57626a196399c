import { existsSync } from "node:fs";
import path from "node:path";
import type { Sample } from "@everfresh/core";
import { cifar10, digits, mnist, type Source } from "@everfresh/streams";
import type { Experiment, ExperimentName } from "./experiment.ts";

/** Seed of the generated digits: all seeds of an experiment see the same data, as they do of files. */
const DIGITS_SEED = 1;

/** The samples of an experiment, in file order. */
export interface PaperData {
  /** The initial samples, then the stream. */
  readonly train: readonly Sample[];
  /** The test set. */
  readonly test: readonly Sample[];
  /** What the data are, for people. */
  readonly description: string;
  /** Whether they are the papers' own data, not generated in their place. */
  readonly isReal: boolean;
}

type Open = (directory: string) => Promise<{ readonly train: Source; readonly test: Source }>;

const DATA_SETS: {
  readonly [N in ExperimentName]: {
    readonly title: string;
    readonly folder: string;
    readonly open: Open;
  };
} = {
  mnist: {
    title: "MNIST",
    folder: "mnist",
    open: async (directory) => ({
      train: await mnist(directory, "train"),
      test: await mnist(directory, "test"),
    }),
  },
  cifar: {
    title: "CIFAR-10",
    folder: "cifar-10",
    open: async (directory) => {
      const file = (name: string): string => {
        const plain = path.join(directory, `${name}.bin`);
        return existsSync(plain) ? plain : `${plain}.gz`;
      };
      const parts = [1, 2, 3, 4, 5].map((part) => file(`data_batch_${part}`));
      return { train: await cifar10(parts), test: await cifar10([file("test_batch")]) };
    },
  },
};

/**
 * Where the data sets are: where someone says, else in EVERFRESH_DATA if that has what the experiment
 * needs; otherwise null.
 */
export function dataDirectoryOf({ name }: Experiment, asked: string | undefined): string | null {
  if (asked !== undefined) return asked;
  const directory = process.env["EVERFRESH_DATA"];
  if (directory === undefined) return null;
  return existsSync(path.join(directory, DATA_SETS[name].folder)) ? directory : null;
}

/**
 * Reads what an experiment needs into memory.
 * @param directory with a folder per data set; null for digits that are generated
 * @throws the errors of the sources
 */
export async function loadPaperData(
  experiment: Experiment,
  directory: string | null,
): Promise<PaperData> {
  const { title, folder, open } = DATA_SETS[experiment.name];
  const { testSamples } = experiment;
  const count = experiment.initialSamples + experiment.streamSamples;
  if (directory === null) {
    const [train, test] = [
      digits({ seed: DIGITS_SEED, size: count }),
      digits({ seed: DIGITS_SEED, size: testSamples, split: "test" }),
    ];
    return {
      train: (await readAll(train, count)).map((sample) => shapedFor(experiment, sample)),
      test: (await readAll(test, testSamples)).map((sample) => shapedFor(experiment, sample)),
      description: `generated digits in the place of ${title}: no figure here is one of ${title}`,
      isReal: false,
    };
  }
  const { train, test } = await open(path.join(directory, folder));
  return {
    train: await readAll(train, count),
    test: await readAll(test, testSamples),
    description: title,
    isReal: true,
  };
}

async function readAll(source: Source, limit: number): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of source.read()) {
    samples.push(sample);
    if (samples.length >= limit) break;
  }
  return samples;
}

/** A generated digit in the middle of as many pixels and planes as the experiment's images have. */
function shapedFor({ preprocessing }: Experiment, sample: Sample): Sample {
  const { width, height, channels } = preprocessing;
  const { features } = sample;
  if (features.length === width * height * channels) return sample;
  const side = Math.sqrt(features.length);
  const [left, top] = [Math.floor((width - side) / 2), Math.floor((height - side) / 2)];
  const pixels = new Uint8Array(width * height * channels);
  for (let channel = 0; channel < channels; channel++) {
    for (let row = 0; row < side; row++) {
      const at = (channel * height + top + row) * width + left;
      pixels.set(features.subarray(row * side, (row + 1) * side), at);
    }
  }
  return { ...sample, features: pixels };
}
