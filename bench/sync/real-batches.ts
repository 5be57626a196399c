/** Batches of real images, drawn at random, for the networks of the table. */
import {
  image,
  numeric,
  type Preprocessing,
  Random,
  type Sample,
  sizeOf,
  streamOf,
} from "@everfresh/core";
import type { TrainingBatch } from "@everfresh/engine";
import { assembleBatch } from "@everfresh/learn";
import {
  cifar10,
  digits,
  type History,
  memoryHistory,
  mnist,
  type Source,
} from "@everfresh/streams";
import { access } from "node:fs/promises";
import { randomBatch, type Workload } from "../workloads.ts";

/** Where batches come from. */
export interface Batches {
  /** For people. */
  readonly name: string;
  /** All that is drawn from. */
  readonly history: History;
  readonly preprocessing: Preprocessing;
  next(size: number): TrainingBatch;
}

/** Samples that are kept in memory to draw from: enough that no batch looks like another. */
const KEPT_SAMPLES = 10_000;
const RANDOM_SAMPLES = 1_024;

const GREY = image({ width: 28, height: 28, channels: 1, mean: [0.1307], std: [0.3081] });
const COLOUR = image({
  width: 32,
  height: 32,
  channels: 3,
  mean: [0.4914, 0.4822, 0.4465],
  std: [0.247, 0.2435, 0.2616],
});

/**
 * MNIST for grey images, CIFAR-10 for coloured ones; where `folder` has neither, generated digits and
 * random numbers.
 */
export async function realBatches(workload: Workload, folder: string): Promise<Batches> {
  const isGrey = workload.sampleShape[0] === 1;
  const source = isGrey ? await greySource(folder) : await colourSource(folder);
  const random = new Random(1, streamOf("batches"));
  const samples =
    source === null ? randomSamples(workload, random) : await firstOf(source, KEPT_SAMPLES);
  const preprocessing =
    source === null ? numeric(sizeOf(workload.sampleShape)) : isGrey ? GREY : COLOUR;
  const history = memoryHistory();
  await history.append(samples);
  const drawn = (): Sample => samples[random.below(samples.length)] as Sample;
  return {
    name: source?.name ?? "random numbers and labels (no CIFAR-10 found)",
    history,
    preprocessing,
    next: (size) => assembleBatch(preprocessing, Array.from({ length: size }, drawn)),
  };
}

function randomSamples(workload: Workload, random: Random): readonly Sample[] {
  const { inputs, targets } = randomBatch(workload, RANDOM_SAMPLES, random.below(2 ** 31));
  const size = sizeOf(workload.sampleShape);
  return Array.from({ length: RANDOM_SAMPLES }, (_, i) => ({
    id: String(i),
    eventTimeMs: i,
    features: inputs.slice(i * size, (i + 1) * size),
    label: targets[i] as number,
  }));
}

async function greySource(folder: string): Promise<Source> {
  const directory = `${folder}/mnist`;
  if (await exists(directory)) return mnist(directory, "train");
  return digits({ seed: 1, size: KEPT_SAMPLES });
}

async function colourSource(folder: string): Promise<Source | null> {
  const files = [1, 2].map((part) => `${folder}/cifar-10/data_batch_${part}.bin.gz`);
  const found = await Promise.all(files.map(exists));
  return found.every(Boolean) ? cifar10(files) : null;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function firstOf(source: Source, count: number): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of source.read()) if (samples.push(sample) === count) break;
  return samples;
}
