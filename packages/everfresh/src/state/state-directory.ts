import { accessSync, constants, existsSync, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import type { DeploymentMode } from "../config/deployment.ts";
import { StateDirectoryError } from "../errors.ts";
import {
  type Processor,
  processorSchema,
  type RecordedPlan,
  recordedPlanSchema,
} from "./recorded-plan.ts";
import { writeAtomically } from "./write-atomically.ts";

const RECORD_FORMAT = 2;

const facts = {
  model: z.string(),
  source: z.string(),
  seed: z.number().int().nonnegative(),
  parameters: z.number().int().positive(),
  mode: z.enum(["weights", "sparseSgd", "deepGradientCompression"]).default("weights"),
  labelLag: z
    .union([z.number().int().nonnegative(), z.literal("follows")])
    .nullable()
    .default(null),
  warmUpSteps: z.number().int().nonnegative().default(0),
  idField: z.string().optional(),
  goal: z.object({ requestedSteps: z.number().int(), untilStep: z.number().int() }).nullable(),
};

const recordSchema = z.object({
  format: z.literal(RECORD_FORMAT),
  ...facts,
  plan: recordedPlanSchema.nullable(),
  processor: processorSchema.nullable(),
});

/** Format 1 knew of the plan only how many workers there were. */
const firstRecordSchema = z
  .object({ format: z.literal(1), ...facts, workers: z.number().int().positive().nullable() })
  .transform(({ workers, ...record }) => ({
    ...record,
    plan: workers === null ? null : { workers },
    processor: null,
  }));

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
  /** What deployment makes sparse. */
  readonly mode: DeploymentMode;
  /** How many samples late labels are, or that they come by themselves; null where they come along. */
  readonly labelLag: number | "follows" | null;
  /** Optimizer steps over which the learning rate rises at first; 0 where it does not. */
  readonly warmUpSteps: number;
  /** The field with the id in rows that its source could not take; absent where there is none. */
  readonly idField?: string | undefined;
  /** How it computes: the same after a restart, so that a replay comes to the same bits. */
  readonly plan: RecordedPlan | null;
  /** Where it computed last. */
  readonly processor: Processor | null;
  /** A run of a given number of steps that has not finished: a restart completes it. */
  readonly goal: { readonly requestedSteps: number; readonly untilStep: number } | null;
}

/** The folder in which a model's history, log and checkpoint live. */
export interface StateDirectory {
  readonly path: string;
  /** SQLite file of history and update log. */
  readonly databaseFile: string;
  readonly checkpointFile: string;
  /** How far a retraining has come; there while one runs, or was cut off. */
  readonly retrainingFile: string;
  /** A checkpoint that is about to take the place of the current one. */
  readonly nextCheckpointFile: string;
  /** Where the server of the run that works here listens; there while it does. */
  readonly serverFile: string;
  /** What was seen of drift. */
  readonly driftFile: string;
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
  return stateDirectoryAt(absolute);
}

/**
 * Finds the state directory of an earlier run, without changing anything in it.
 * @throws StateDirectoryError when there is none, or its record cannot be read
 */
export function findStateDirectory(directory: string): {
  readonly directory: StateDirectory;
  readonly record: RunRecord;
} {
  const found = stateDirectoryAt(path.resolve(directory));
  const record = found.readRecord();
  if (record === null) {
    throw new StateDirectoryError(
      `There is no run in ${found.path}; give the state directory of one with --state DIR`,
    );
  }
  return { directory: found, record };
}

function stateDirectoryAt(absolute: string): StateDirectory {
  const recordFile = path.join(absolute, "run.json");
  return {
    path: absolute,
    databaseFile: path.join(absolute, "everfresh.sqlite"),
    checkpointFile: path.join(absolute, "checkpoint.bin"),
    retrainingFile: path.join(absolute, "retraining.bin"),
    nextCheckpointFile: path.join(absolute, "checkpoint.next.bin"),
    serverFile: path.join(absolute, "server.json"),
    driftFile: path.join(absolute, "drift.json"),
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
  const checked = z.union([recordSchema, firstRecordSchema]).safeParse(json);
  if (checked.success) {
    const { model, source, seed, parameters, mode, labelLag, warmUpSteps } = checked.data;
    const { plan, processor, goal, idField } = checked.data;
    const facts = { model, source, seed, parameters, mode, labelLag, warmUpSteps };
    return { ...facts, plan, processor, goal, ...(idField === undefined ? {} : { idField }) };
  }
  throw new StateDirectoryError(
    `${file} was not written by this version of Everfresh; choose another directory with --state DIR`,
    checked.error,
  );
}
