import path from "node:path";
import { openHistory, type ReadOptions, type Source } from "@everfresh/streams";
import { openUpdateLogReader } from "@everfresh/sync/node";
import type { Sample } from "@everfresh/core";
import { findStateDirectory } from "../state/state-directory.ts";
import { StateDirectoryError } from "../errors.ts";
import type { SourceFactory } from "./define-model.ts";

/** Options of {@link pastSamples}. */
export interface PastSamplesOptions {
  /** State directory of the run whose history it is, relative to the configuration file. */
  readonly state: string;
  /** Position of the first sample. @default 0 */
  readonly from?: number;
  /** Position behind the last one. @default the end of the history when it is opened */
  readonly to?: number;
}

/** Samples that are read at a time. */
const SAMPLES_PER_READ = 256;

/**
 * A stretch of the history of another run, or of an earlier one: the same samples in the same order,
 * but for those that were erased. It can be read while that run goes on.
 */
export function pastSamples({ state, from = 0, to }: PastSamplesOptions): SourceFactory {
  return async ({ directory }) => {
    const found = findStateDirectory(path.resolve(directory, state)).directory;
    const { databaseFile: file } = found;
    await using log = await openUpdateLogReader({ file });
    const generation = await log.generation();
    const history = await openHistory({ file, hotBytesMax: 0 });
    const end = to ?? history.count();
    const [first] = end > from && end <= history.count() ? await history.range(from, from + 1) : [];
    if (generation === null || first === undefined) {
      await history[Symbol.asyncDispose]();
      throw new StateDirectoryError(
        `The history in ${found.path} has ${history.count()} samples, none from ${from} to ${end}`,
      );
    }
    const { features } = first;
    const dtype = features instanceof Float32Array ? "float32" : "uint8";
    const erased = new Set(history.erased());
    const positions = Array.from({ length: end - from }, (_, i) => from + i).filter(
      (position) => !erased.has(position),
    );
    const source: Source & AsyncDisposable = {
      name: `past ${generation.manifest.name}`,
      size: positions.length,
      schema: {
        features: { dtype, shape: [features.length] },
        target: generation.manifest.target,
      },
      read: (options) => samplesAt(positions, (some) => history.read(some), options),
      [Symbol.asyncDispose]: () => history[Symbol.asyncDispose](),
    };
    return source;
  };
}

async function* samplesAt(
  positions: readonly number[],
  read: (positions: readonly number[]) => Promise<readonly Sample[]>,
  { from = 0, signal }: ReadOptions = {},
): AsyncGenerator<Sample, void, undefined> {
  for (let at = from; at < positions.length; at += SAMPLES_PER_READ) {
    signal?.throwIfAborted();
    const samples = await read(positions.slice(at, at + SAMPLES_PER_READ));
    yield* samples;
  }
}
