import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { classes, type ClassTarget, type Sample, type SampleSchema } from "@everfresh/core";
import {
  SourceFormatError,
  SourceLabelError,
  SourceSizeError,
  SourceUnreadableError,
} from "../errors.ts";
import { readFileBytes } from "./file-bytes.ts";
import { checkFrom, readIndexed } from "./indexed-samples.ts";
import type { ReadOptions, Source } from "./source.ts";

const CLASS_COUNT = 10;
/** Three planes (red, green, blue) of 32 rows of 32 pixels. */
const SHAPE = [3, 32, 32];
const PIXEL_BYTES = 3072;
/** One label byte before the pixels. */
const RECORD_BYTES = 1 + PIXEL_BYTES;

interface BatchFile {
  readonly path: string;
  /** Position of its first sample in the source. */
  readonly start: number;
  readonly count: number;
}

/**
 * CIFAR-10 in its binary version: batch files of 3,073-byte records, gzip or not, one after another
 * in the given order. All files are checked on opening; reading holds one of them in memory at a
 * time. Class names come from `batches.meta.txt` beside the first file, if it is there. Sample `i`
 * is dated `i` milliseconds after the epoch.
 * @throws SourceUnreadableError, SourceGzipError, SourceFormatError, SourceSizeError,
 * SourceLabelError
 */
export async function cifar10(files: readonly string[]): Promise<Source> {
  const [first] = files;
  if (first === undefined) throw new RangeError("cifar10() needs at least one file");
  const target = await targetBeside(first);
  const batches: BatchFile[] = [];
  let size = 0;
  for (const path of files) {
    const count = (await readRecords(path)).length / RECORD_BYTES;
    batches.push({ path, start: size, count });
    size += count;
  }
  const schema: SampleSchema = { features: { dtype: "uint8", shape: SHAPE }, target };
  const name = `cifar10-${basename(first).replace(/[.].*$/, "")}`;
  return {
    name,
    schema,
    size,
    read: (options: ReadOptions = {}) => {
      checkFrom(options.from ?? 0);
      return readBatches(name, batches, options);
    },
  };
}

async function* readBatches(
  name: string,
  batches: readonly BatchFile[],
  { from = 0, signal }: ReadOptions,
): AsyncGenerator<Sample, void, undefined> {
  for (const { path, start, count } of batches) {
    if (from >= start + count) continue;
    signal?.throwIfAborted();
    const bytes = await readRecords(path, signal);
    if (bytes.length !== count * RECORD_BYTES) {
      throw new SourceSizeError(
        `"${path}" had ${count} records when it was opened, now ${bytes.length / RECORD_BYTES}`,
        { path, found: bytes.length, needed: count * RECORD_BYTES },
      );
    }
    const sampleAt = (record: number): Sample => {
      const at = record * RECORD_BYTES;
      return {
        id: `${name}-${start + record}`,
        eventTimeMs: start + record,
        features: bytes.subarray(at + 1, at + RECORD_BYTES),
        label: bytes[at] ?? 0,
      };
    };
    const within = { from: Math.max(0, from - start), ...(signal === undefined ? {} : { signal }) };
    yield* readIndexed(count, sampleAt, within);
  }
}

async function readRecords(path: string, signal?: AbortSignal): Promise<Uint8Array> {
  const bytes = await readFileBytes(path, { signal });
  const count = Math.floor(bytes.length / RECORD_BYTES);
  for (let record = 0; record < count; record++) {
    const label = bytes[record * RECORD_BYTES] ?? 0;
    if (label >= CLASS_COUNT) throw new SourceLabelError(path, record, label, CLASS_COUNT);
  }
  if (count === 0 || bytes.length % RECORD_BYTES !== 0) {
    const needed = (count + 1) * RECORD_BYTES;
    throw new SourceSizeError(
      `"${path}" is truncated: ${bytes.length} bytes found, ${needed} needed` +
        ` for ${count + 1} records of ${RECORD_BYTES}; fetch the file again`,
      { path, found: bytes.length, needed },
    );
  }
  return bytes;
}

async function targetBeside(file: string): Promise<ClassTarget> {
  const path = join(dirname(file), "batches.meta.txt");
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    // Names are for people; the data is complete without them.
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return classes(CLASS_COUNT);
    throw new SourceUnreadableError(`Cannot read class names "${path}"`, { cause, path });
  }
  const names = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (names.length !== CLASS_COUNT) {
    throw new SourceFormatError(
      `"${path}" has ${names.length} class names, CIFAR-10 has ${CLASS_COUNT}; fix or remove it`,
      { path, found: names.length, expected: CLASS_COUNT },
    );
  }
  return classes(CLASS_COUNT, names);
}
