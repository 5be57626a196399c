import path from "node:path";
import {
  cifar10 as openCifar10,
  digits as openDigits,
  type DigitsOptions,
  idx as openIdx,
  type IdxOptions,
  mnist as openMnist,
} from "@everfresh/streams";
import type { SourceFactory } from "./define-model.ts";

/** Images and labels in two IDX files, gzip or not; paths are relative to the configuration file. */
export function idx(options: IdxOptions): SourceFactory {
  return ({ directory }) =>
    openIdx({
      ...options,
      images: path.resolve(directory, options.images),
      labels: path.resolve(directory, options.labels),
    });
}

/** One half of a folder with the four MNIST files under their usual names. */
export function mnist(folder: string, split: "train" | "test"): SourceFactory {
  return ({ directory }) => openMnist(path.resolve(directory, folder), split);
}

/** Binary CIFAR-10 batches, gzip or not, one after another. */
export function cifar10(files: readonly string[]): SourceFactory {
  return ({ directory }) => openCifar10(files.map((file) => path.resolve(directory, file)));
}

/** Procedurally drawn handwritten-looking digits; needs no data. */
export function digits(options?: DigitsOptions): SourceFactory {
  return () => Promise.resolve(openDigits(options));
}
