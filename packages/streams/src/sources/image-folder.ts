import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { classes, Random, type Sample, type SampleSchema } from "@everfresh/core";
import { SourceFormatError, SourceSizeError, SourceUnreadableError } from "../errors.ts";
import type { Quarantine } from "../quarantine/quarantine.ts";
import type { RowCheck } from "../quarantine/replay.ts";
import type { CheckedRow, RowRules } from "../tables/check-row.ts";
import { parseJsonRow } from "../tables/json-row.ts";
import { shown } from "../tables/row-fault.ts";
import { brokenRows } from "./broken-rows.ts";
import { decodeImage, imageFault, type ImageShape, type OtherSizes, sizeOf } from "./image-file.ts";
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
  /** What becomes of images of another size. @default "refuse" */
  readonly otherSizes?: OtherSizes;
  /**
   * Takes images that cannot be decoded; without it the first one is an error, some of them only when
   * they are read. With it every image is decoded once on opening.
   */
  readonly quarantine?: Quarantine | undefined;
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

/** A folder of images as a source. */
export interface ImageFolderSource extends Source {
  /** What a quarantined image, kept as `{"image": path in the folder}`, is by now. */
  readonly check: RowCheck;
}

interface ImageFile {
  /** In the folder, with slashes. */
  readonly place: string;
  readonly path: string;
  readonly label: number;
}

/**
 * Samples from folders of images, a folder for each class: pixels from 0 to 255 as planes (channel,
 * row, column), decoded when they are read; transparency is dropped. Which files there are, and their
 * sizes, is found out once, on opening; an image that a quarantine has stays there. Other platforms decode lossy formats such as JPEG to pixels
 * that may differ by a few steps. Sample `i` is dated `i` milliseconds after the epoch.
 * @throws SourceUnreadableError, SourceFormatError, SourceSizeError; they name the file
 */
export async function imageFolder(options: ImageFolderOptions): Promise<ImageFolderSource> {
  const { directory, name = basename(directory), seed = 0 } = options;
  const { labels, files } = await filesIn(directory);
  const shape = await shapeOf(options, files);
  const good = await goodOf(options, name, shape, files);
  const order = seed === null ? good : shuffled(good, new Random(seed));
  const schema: SampleSchema = {
    features: { dtype: "uint8", shape: [shape.channels, shape.height, shape.width] },
    target: classes(labels.length, labels),
  };
  return {
    ...{ name, schema, size: order.length, quarantine: options.quarantine },
    read: (readOptions: ReadOptions = {}) => {
      checkFrom(readOptions.from ?? 0);
      return readImages(name, order, shape, options, readOptions);
    },
    check: (bytes, rules) => checkImage(bytes, rules, { options, shape, labels }),
  };
}

/** Images that can be samples; the others go into the quarantine. */
async function goodOf(
  options: ImageFolderOptions,
  name: string,
  shape: ImageShape,
  files: readonly ImageFile[],
): Promise<readonly ImageFile[]> {
  const { quarantine, otherSizes = "refuse" } = options;
  if (quarantine === undefined) {
    await checkSizes(options, shape, files);
    return files;
  }
  const broken = await brokenRows(name, quarantine);
  const good: ImageFile[] = [];
  for (const file of files) {
    const bytes = new TextEncoder().encode(JSON.stringify({ image: file.place }));
    // What was broken once stays out, or the others would change their positions.
    if (broken.isKnown(file.place, () => bytes)) continue;
    const fault = await imageFault(file.path, shape, otherSizes);
    if (fault === null) good.push(file);
    else await broken.add(file.path, file.place, bytes, fault);
  }
  await broken.flush();
  return good;
}

async function checkImage(
  bytes: Uint8Array,
  { id, eventTimeMs }: RowRules,
  {
    options: { directory, otherSizes = "refuse" },
    shape,
    labels,
  }: {
    readonly options: ImageFolderOptions;
    readonly shape: ImageShape;
    readonly labels: readonly string[];
  },
): Promise<CheckedRow> {
  const { row, fault } = parseJsonRow(bytes);
  if (row === null) return { sample: null, fault };
  const place = typeof row["image"] === "string" ? row["image"] : "";
  const label = labels.indexOf(place.split("/")[0] ?? "");
  if (label < 0 || place.split("/").includes("..")) {
    const reason = `${shown(row["image"])} is no image in a folder of a class`;
    return { sample: null, fault: { kind: "unknownClass", column: "image", reason } };
  }
  const path = join(directory, place);
  const found = await imageFault(path, shape, otherSizes);
  if (found !== null) return { sample: null, fault: found };
  const features = await decodeImage(path, shape, otherSizes);
  return { sample: { id, eventTimeMs, features, label }, fault: null };
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
    const features = await decodeImage(file.path, shape, otherSizes);
    signal?.throwIfAborted();
    yield { id: `${name}-${position}`, eventTimeMs: position, features, label: file.label };
  }
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
    for (const name of names) {
      files.push({ place: `${folder}/${name}`, path: join(directory, folder, name), label });
    }
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
  { width, height, channels = 3, quarantine }: ImageFolderOptions,
  files: readonly ImageFile[],
): Promise<ImageShape> {
  if (width !== undefined && height !== undefined) return { width, height, channels };
  for (const { path } of files.slice(0, -1)) {
    try {
      const first = await sizeOf(path);
      return { width: width ?? first.width, height: height ?? first.height, channels };
    } catch (error) {
      // Another one may say how large they are.
      if (quarantine === undefined) throw error;
    }
  }
  const last = await sizeOf(files.at(-1)?.path ?? "");
  return { width: width ?? last.width, height: height ?? last.height, channels };
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
