import path from "node:path";
import {
  cifar10 as openCifar10,
  csv as openCsv,
  type CsvOptions,
  digits as openDigits,
  type DigitsOptions,
  idx as openIdx,
  type IdxOptions,
  imageFolder as openImageFolder,
  type ImageFolderOptions,
  jsonLines as openJsonLines,
  type JsonLinesOptions,
  mnist as openMnist,
  parquet as openParquet,
  type ParquetOptions,
  rotated as openRotated,
  type RotationOptions,
  sea as openSea,
  type SeaOptions,
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

/** A table as text, gzip or not: columns of numbers, and one with the class. */
export function csv(options: CsvOptions): SourceFactory {
  return ({ directory }) => openCsv({ ...options, file: path.resolve(directory, options.file) });
}

/** Objects, one per line, gzip or not: a sample each, as a schema of its columns says. */
export function jsonLines(options: JsonLinesOptions): SourceFactory {
  return ({ directory }) =>
    openJsonLines({ ...options, file: path.resolve(directory, options.file) });
}

/** A Parquet file: a sample per row, as a schema of its columns says. */
export function parquet(options: ParquetOptions): SourceFactory {
  return ({ directory }) =>
    openParquet({ ...options, file: path.resolve(directory, options.file) });
}

/** Images in one folder per class. */
export function imageFolder(options: ImageFolderOptions): SourceFactory {
  return (context) =>
    openImageFolder({ ...options, directory: path.resolve(context.directory, options.directory) });
}

/** The SEA stream, whose classes' border jumps; needs no data. */
export function sea(options?: SeaOptions): SourceFactory {
  return () => Promise.resolve(openSea(options));
}

/** The images of another source, turned from a sample on. */
export function rotated(source: SourceFactory, options: RotationOptions): SourceFactory {
  return async (context) => openRotated(await source(context), options);
}
