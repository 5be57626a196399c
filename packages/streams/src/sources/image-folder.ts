import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { classes, Random, type Sample, type SampleSchema } from "@everfresh/core";
import sharp from "sharp";
import { SourceFormatError, SourceSizeError, SourceUnreadableError } from "../errors.ts";
import { checkFrom } from "./indexed-samples.ts";
import type { ReadOptions, Source } from "./source.ts";

/** Options of {@link imageFolder}. */
export interface ImageFolderOptions {
  /** A folder with a folder of images for each class; the folders' names are the classes'. */
  readonly directory: string;
  /** 1 for grey, 3 for red, green, blue; images are converted. @default 3 */
  readonly channels?: 1 | 3;
  /** Pixels. @default as the first image */
  readonly width?: number;
  /** Pixels. @default as the first image */
  readonly height?: number;
  /**
   * What becomes of images of another size: an error, scaled to it, or scaled and cut at the sides.
   * @default "refuse"
   */
  readonly otherSizes?: "refuse" | "fill" | "cover";
  /**
   * Images come in an order that this shuffles, as folders have one class after another; null keeps
   * that order. @default 0
   */
  readonly seed?: number | null;
  /** @default the name of the directory */
  readonly name?: string;
}

/** What counts as an image, by the file's ending. */
const ENDINGS = new Set([".avif", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"]);

/** Largest image, in pixels: a small file can claim to be one that fills all memory. */
const PIXELS_MAX = 2 ** 26;

interface ImageFile {
  readonly path: string;
  readonly label: number;
}

interface ImageShape {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
}

/**
 * Samples from folders of images, a folder for each class: pixels from 0 to 255 as planes (channel,
 * row, column), decoded when they are read; transparency is dropped. Which files there are, and their
 * sizes, is found out once, on opening. Other platforms decode lossy formats such as JPEG to pixels
 * that may differ by a few steps. Sample `i` is dated `i` milliseconds after the epoch.
 * @throws SourceUnreadableError, SourceFormatError, SourceSizeError; they name the file
 */
export async function imageFolder(options: ImageFolderOptions): Promise<Source> {
  const { directory, name = basename(directory), seed = 0 } = options;
  const { labels, files } = await filesIn(directory);
  const shape = await shapeOf(options, files);
  await checkSizes(options, shape, files);
  const order = seed === null ? files : shuffled(files, new Random(seed));
  const schema: SampleSchema = {
    features: { dtype: "uint8", shape: [shape.channels, shape.height, shape.width] },
    target: classes(labels.length, labels),
  };
  return {
    name,
    schema,
    size: order.length,
    read: (readOptions: ReadOptions = {}) => {
      checkFrom(readOptions.from ?? 0);
      return readImages(name, order, shape, options, readOptions);
    },
  };
}

async function* readImages(
  name: string,
  files: readonly ImageFile[],
  shape: ImageShape,
  { otherSizes = "refuse" }: ImageFolderOptions,
  { from = 0, signal }: ReadOptions,
): AsyncGenerator<Sample, void, undefined> {
  for (let position = from; position < files.length; position++) {
    signal?.throwIfAborted();
    const file = files[position];
    if (file === undefined) return;
    const features = await decode(file.path, shape, otherSizes);
    signal?.throwIfAborted();
    yield { id: `${name}-${position}`, eventTimeMs: position, features, label: file.label };
  }
}

async function decode(
  path: string,
  { width, height, channels }: ImageShape,
  otherSizes: "refuse" | "fill" | "cover",
): Promise<Uint8Array> {
  try {
    const image = sharp(path, { failOn: "truncated", limitInputPixels: PIXELS_MAX })
      .removeAlpha()
      .toColourspace(channels === 1 ? "b-w" : "srgb");
    const fit = otherSizes === "refuse" ? "fill" : otherSizes;
    const { data, info } = await image
      .resize({ width, height, fit })
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return planesOf(data, width * height, channels, info.channels);
  } catch (cause) {
    throw notAnImage(path, cause);
  }
}

/** From pixel after pixel to plane after plane. */
function planesOf(data: Uint8Array, area: number, channels: number, stride: number): Uint8Array {
  const planes = new Uint8Array(channels * area);
  for (let channel = 0; channel < channels; channel++) {
    // A grey image that stayed grey has one number per pixel, which stands for all channels.
    const offset = Math.min(channel, stride - 1);
    for (let i = 0; i < area; i++) planes[channel * area + i] = data[i * stride + offset] ?? 0;
  }
  return planes;
}

async function filesIn(
  directory: string,
): Promise<{ readonly labels: readonly string[]; readonly files: readonly ImageFile[] }> {
  const labels = (await entriesOf(directory))
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .toSorted((a, b) => (a < b ? -1 : 1));
  const files: ImageFile[] = [];
  for (const [label, folder] of labels.entries()) {
    const names = (await entriesOf(join(directory, folder)))
      .filter((entry) => entry.isFile() && ENDINGS.has(extname(entry.name).toLowerCase()))
      .map((entry) => entry.name)
      .toSorted((a, b) => (a < b ? -1 : 1));
    for (const name of names) files.push({ path: join(directory, folder, name), label });
  }
  if (labels.length >= 2 && files.length > 0) return { labels, files };
  throw new SourceFormatError(
    `"${directory}" has ${labels.length} folders with ${files.length} images; give a directory with` +
      " a folder of images for each of 2 or more classes",
    { path: directory, folders: labels.length, images: files.length },
  );
}

async function entriesOf(directory: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SourceUnreadableError(`Cannot read "${directory}" (${reason})`, {
      cause,
      path: directory,
    });
  }
}

async function shapeOf(
  { width, height, channels = 3 }: ImageFolderOptions,
  files: readonly ImageFile[],
): Promise<ImageShape> {
  const first = await sizeOf(files[0]?.path ?? "");
  return { width: width ?? first.width, height: height ?? first.height, channels };
}

async function checkSizes(
  { otherSizes = "refuse" }: ImageFolderOptions,
  { width, height }: ImageShape,
  files: readonly ImageFile[],
): Promise<void> {
  for (const { path } of files) {
    const size = await sizeOf(path);
    if (otherSizes !== "refuse" || (size.width === width && size.height === height)) continue;
    throw new SourceSizeError(
      `"${path}" has ${size.width}×${size.height} pixels, not ${width}×${height};` +
        ' choose otherSizes "fill" or "cover", or make the images one size',
      { path, found: size, needed: { width, height } },
    );
  }
}

/** What the head of an image file says. */
async function sizeOf(path: string): Promise<{ readonly width: number; readonly height: number }> {
  try {
    const { width, height } = await sharp(path, { limitInputPixels: PIXELS_MAX }).metadata();
    return { width, height };
  } catch (cause) {
    throw notAnImage(path, cause);
  }
}

function notAnImage(path: string, cause: unknown): SourceFormatError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SourceFormatError(
    `"${path}" is no image that can be decoded (${reason}); fix or remove it`,
    { path },
  );
}

/** Fisher and Yates. */
function shuffled(files: readonly ImageFile[], random: Random): readonly ImageFile[] {
  const order = [...files];
  for (let last = order.length - 1; last > 0; last--) {
    const other = random.below(last + 1);
    const [a, b] = [order[last], order[other]];
    if (a === undefined || b === undefined) break;
    [order[last], order[other]] = [b, a];
  }
  return order;
}
