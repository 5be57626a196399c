import { basename } from "node:path";
import { classes, type ClassTarget, type Sample, type SampleSchema } from "@everfresh/core";
import {
  SourceCountError,
  SourceFormatError,
  SourceLabelError,
  SourceSizeError,
} from "../errors.ts";
import { readFileBytes } from "./file-bytes.ts";
import { readIndexed } from "./indexed-samples.ts";
import type { ReadOptions, Source } from "./source.ts";

/** Unsigned bytes (0x08) in three dimensions: images, rows, columns. */
const IMAGES_MAGIC = 2051;
/** Unsigned bytes (0x08) in one dimension: labels. */
const LABELS_MAGIC = 2049;
const IMAGES_HEADER_BYTES = 16;
const LABELS_HEADER_BYTES = 8;

/** Options of {@link idx}. */
export interface IdxOptions {
  /** Path of the image file (idx3-ubyte), gzip or not. */
  readonly images: string;
  /** Path of the label file (idx1-ubyte), gzip or not. */
  readonly labels: string;
  /** @default ten classes called "0" to "9" */
  readonly target?: ClassTarget;
  /** @default the file name of the images without its endings */
  readonly name?: string;
}

/**
 * Grey images with labels from a pair of IDX files, the format of MNIST: big-endian headers, one
 * byte per pixel, features of shape [1, rows, columns]. The files are read and checked once, on
 * opening. They hold no times: sample `i` is dated `i` milliseconds after the epoch.
 * @throws SourceUnreadableError, SourceGzipError, SourceFormatError, SourceSizeError,
 * SourceCountError, SourceLabelError
 */
export async function idx(options: IdxOptions): Promise<Source> {
  const { target = classes(10), name = basename(options.images).replace(/[.].*$/, "") } = options;
  const [images, labels] = await Promise.all([
    readImages(options.images),
    readLabels(options.labels, target),
  ]);
  if (images.count !== labels.length) {
    throw new SourceCountError(
      { path: options.images, count: images.count },
      { path: options.labels, count: labels.length },
    );
  }
  const { pixels, rows, columns } = images;
  const size = rows * columns;
  const sampleAt = (position: number): Sample => ({
    id: `${name}-${position}`,
    eventTimeMs: position,
    features: pixels.subarray(position * size, (position + 1) * size),
    label: labels[position] ?? 0,
  });
  const schema: SampleSchema = { features: { dtype: "uint8", shape: [1, rows, columns] }, target };
  return {
    name,
    schema,
    size: images.count,
    read: (readOptions?: ReadOptions) => readIndexed(images.count, sampleAt, readOptions),
  };
}

interface Images {
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
  readonly pixels: Uint8Array;
}

async function readImages(path: string): Promise<Images> {
  const bytes = await readFileBytes(path);
  const header = headerOf(path, bytes, IMAGES_MAGIC, IMAGES_HEADER_BYTES);
  const count = header.getUint32(4);
  const rows = header.getUint32(8);
  const columns = header.getUint32(12);
  if (rows === 0 || columns === 0) {
    throw new SourceFormatError(
      `"${path}" has images of ${rows} by ${columns} pixels; fetch it again`,
      {
        path,
        rows,
        columns,
      },
    );
  }
  checkSize(path, bytes, IMAGES_HEADER_BYTES + count * rows * columns);
  return { count, rows, columns, pixels: bytes.subarray(IMAGES_HEADER_BYTES) };
}

async function readLabels(path: string, target: ClassTarget): Promise<Uint8Array> {
  const bytes = await readFileBytes(path);
  const header = headerOf(path, bytes, LABELS_MAGIC, LABELS_HEADER_BYTES);
  checkSize(path, bytes, LABELS_HEADER_BYTES + header.getUint32(4));
  const labels = bytes.subarray(LABELS_HEADER_BYTES);
  const position = labels.findIndex((label) => label >= target.count);
  if (position >= 0) {
    throw new SourceLabelError(path, position, labels[position] ?? 0, target.count);
  }
  return labels;
}

function headerOf(path: string, bytes: Uint8Array, magic: number, headerBytes: number): DataView {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // The magic number comes first: for a file of another kind its length means nothing.
  if (bytes.length >= 4 && view.getUint32(0) !== magic) {
    const found = view.getUint32(0);
    const kind = magic === IMAGES_MAGIC ? "images (idx3-ubyte)" : "labels (idx1-ubyte)";
    throw new SourceFormatError(
      `"${path}" starts with magic number ${found}, IDX ${kind} start with ${magic};` +
        " check that images and labels are not mixed up",
      { path, found, expected: magic },
    );
  }
  checkSize(path, bytes.subarray(0, headerBytes), headerBytes);
  return view;
}

function checkSize(path: string, bytes: Uint8Array, needed: number): void {
  const found = bytes.length;
  if (found === needed) return;
  const what = found < needed ? "is truncated" : "is too long";
  throw new SourceSizeError(
    `"${path}" ${what}: ${found} bytes found, ${needed} needed; fetch the file again`,
    { path, found, needed },
  );
}
