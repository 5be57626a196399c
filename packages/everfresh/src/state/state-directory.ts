import { accessSync, constants, existsSync, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { StateDirectoryError } from "../errors.ts";
import { writeAtomically } from "./write-atomically.ts";

const RECORD_FORMAT = 1;

const recordSchema = z.object({
  format: z.literal(RECORD_FORMAT),
  model: z.string(),
  source: z.string(),
  seed: z.number().int().nonnegative(),
  parameters: z.number().int().positive(),
  workers: z.number().int().positive().nullable(),
  goal: z.object({ requestedSteps: z.number().int(), untilStep: z.number().int() }).nullable(),
});

/** What a state directory is about. */
export interface RunRecord {
  /** Name of the model. */
  readonly model: string;
  /** Name of the source that it learns from. */
  readonly source: string;
  /** Seed of initialisation and sampling. */
  readonly seed: number;
  /** Parameters of the model. */
  readonly parameters: number;
  /** Training workers: as many after a restart, so that a replay comes to the same bits. */
  readonly workers: number | null;
  /** A run of a given number of steps that has not finished: a restart completes it. */
  readonly goal: { readonly requestedSteps: number; readonly untilStep: number } | null;
}

/** The folder in which a model's history, log and checkpoint live. */
export interface StateDirectory {
  readonly path: string;
  /** SQLite file of history and update log. */
  readonly databaseFile: string;
  readonly checkpointFile: string;
  /** Null in a fresh directory. */
  readRecord(): RunRecord | null;
  writeRecord(record: RunRecord): void;
}

/**
 * Opens a state directory, creating it if need be.
 * @throws StateDirectoryError when it cannot be created, read or written, or holds something else
 */
export function openStateDirectory(directory: string): StateDirectory {
  const absolute = path.resolve(directory);
  try {
    mkdirSync(absolute, { recursive: true });
    accessSync(absolute, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StateDirectoryError(
      `State directory ${absolute} cannot be used (${reason}); choose another with --state DIR`,
      cause,
    );
  }
  const recordFile = path.join(absolute, "run.json");
  return {
    path: absolute,
    databaseFile: path.join(absolute, "everfresh.sqlite"),
    checkpointFile: path.join(absolute, "checkpoint.bin"),
    readRecord: () => (existsSync(recordFile) ? parseRecord(recordFile) : null),
    writeRecord: (record) => {
      const text = `${JSON.stringify({ format: RECORD_FORMAT, ...record }, null, 2)}\n`;
      try {
        writeAtomically(recordFile, [new TextEncoder().encode(text)]);
      } catch (cause) {
        throw new StateDirectoryError(`${recordFile} cannot be written`, cause);
      }
    },
  };
}

function parseRecord(file: string): RunRecord {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new StateDirectoryError(
      `${file} is not readable; restore it or choose another directory with --state DIR`,
      cause,
    );
  }
  const checked = recordSchema.safeParse(json);
  if (checked.success) {
    const { model, source, seed, parameters, workers, goal } = checked.data;
    return { model, source, seed, parameters, workers, goal };
  }
  throw new StateDirectoryError(
    `${file} was not written by this version of Everfresh; choose another directory with --state DIR`,
    checked.error,
  );
}
