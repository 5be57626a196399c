/** Batches of real images, drawn at random, for the networks of the table. */
import { image, Random, type Sample, streamOf } from "@everfresh/core";
import type { TrainingBatch } from "@everfresh/engine";
import { assembleBatch } from "@everfresh/learn";
import { cifar10, digits, mnist, type Source } from "@everfresh/streams";
import { access } from "node:fs/promises";
import { randomBatch, type Workload } from "../workloads.ts";

/** Where batches come from. */
export interface Batches {
  /** For people. */
  readonly name: string;
  next(size: number): TrainingBatch;
}

/** Samples that are kept in memory to draw from: enough that no batch looks like another. */
const KEPT_SAMPLES = 10_000;

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
  if (source === null) {
    const next = (size: number): TrainingBatch =>
      randomBatch(workload, size, random.below(2 ** 31));
    return { name: "random numbers and labels (no CIFAR-10 found)", next };
  }
  const samples = await firstOf(source, KEPT_SAMPLES);
  const drawn = (): Sample => samples[random.below(samples.length)] as Sample;
  return {
    name: source.name,
    next: (size) => assembleBatch(isGrey ? GREY : COLOUR, Array.from({ length: size }, drawn)),
  };
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
