/**
 * What has been computed of an experiment, in a folder:
 *
 *   settings.json            what all rows have in common
 *   seed-1/initial.json      the initial training: its cost; beside it the state and the optimizer
 *   seed-1/proactive-8.json  a row of the seed
 *   seed-1/retraining-20000  a retraining on so many samples, until the row that it is for is there
 *
 * Each file appears whole or not at all, so a run that was killed goes on with the rows that are missing,
 * and with the retraining that it was at.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { crc32 } from "@everfresh/core";
import type { TrainingCheckpoint } from "@everfresh/engine";
import type { RetrainingStore } from "@everfresh/learn";
import { StateDirectoryError, StateMismatchError } from "../errors.ts";
import { retrainingFile } from "../state/retraining-file.ts";
import { writeAtomically } from "../state/write-atomically.ts";
import type { ExperimentName } from "./experiment.ts";
import type { RowResult } from "./row-result.ts";

const FORMAT = 1;
const RETRAINING = "retraining-";

/** What all rows of a folder have in common. */
export interface PaperSettings {
  readonly experiment: ExperimentName;
  readonly model: string;
  /** Checksum of the file of --init; null for fresh weights. */
  readonly initChecksum: number | null;
  readonly epochs: number;
  readonly scale: number;
  /** What was learned. */
  readonly data: string;
}

/** Where every row of a seed begins. */
export interface InitialModel {
  readonly checkpoint: TrainingCheckpoint;
  readonly steps: number;
  readonly trainSeconds: number;
}

/** What of an initial training is not in the files beside it. */
type InitialFacts = Pick<InitialModel, "steps" | "trainSeconds"> & { readonly checksum: number };

/** The folder of an experiment. */
export class RowStore {
  readonly #directory: string;

  /**
   * Opens a folder, which is made if it is not there.
   * @throws StateMismatchError when it has rows of other settings
   * @throws StateDirectoryError when it cannot be made, read or written
   */
  constructor(directory: string, settings: PaperSettings) {
    this.#directory = directory;
    inDirectory(directory, () => {
      mkdirSync(directory, { recursive: true });
      const file = path.join(directory, "settings.json");
      const wanted = { format: FORMAT, ...settings };
      const found = readJson(file);
      if (found === null) writeJson(file, wanted);
      else if (!isDeepStrictEqual(found, wanted)) {
        throw new StateMismatchError(
          `${directory} has rows of ${JSON.stringify(found)}, not of ${JSON.stringify(wanted)}; ` +
            "give another folder with --out",
          { found, wanted },
        );
      }
    });
  }

  /** A row of a seed; null when there is none yet. */
  row(seed: number, name: string): RowResult | null {
    return inDirectory(
      this.#directory,
      () => readJson(this.#file(seed, `${name}.json`)) as RowResult,
    );
  }

  /** Stores a row, under its seed and its name. */
  put(result: RowResult): void {
    inDirectory(this.#directory, () => {
      writeJson(this.#file(result.seed, `${result.name}.json`), result);
    });
  }

  /** The initial model of a seed; null when there is none yet. */
  initial(seed: number): InitialModel | null {
    return inDirectory(this.#directory, () => {
      const facts = readJson(this.#file(seed, "initial.json")) as InitialFacts | null;
      if (facts === null) return null;
      const checkpoint = {
        state: bytesOf(this.#file(seed, "initial.state")),
        optimizer: bytesOf(this.#file(seed, "initial.optimizer")),
      };
      const { steps, trainSeconds } = facts;
      return checksumOf(checkpoint) === facts.checksum ? { checkpoint, steps, trainSeconds } : null;
    });
  }

  /** Stores the initial model of a seed. */
  putInitial(seed: number, { checkpoint, steps, trainSeconds }: InitialModel): void {
    inDirectory(this.#directory, () => {
      const { state, optimizer } = checkpoint;
      mkdirSync(this.#seedDirectory(seed), { recursive: true });
      writeAtomically(this.#file(seed, "initial.state"), [state]);
      writeAtomically(this.#file(seed, "initial.optimizer"), [optimizer]);
      const facts: InitialFacts = { steps, trainSeconds, checksum: checksumOf(checkpoint) };
      writeJson(this.#file(seed, "initial.json"), facts);
    });
  }

  /** Where a retraining of a seed on so many samples is kept. */
  retraining(seed: number, samples: number): RetrainingStore {
    mkdirSync(this.#seedDirectory(seed), { recursive: true });
    return retrainingFile(this.#file(seed, `${RETRAINING}${samples}`));
  }

  /** Forgets the retrainings of a seed: what they were for is stored. */
  forgetRetrainings(seed: number): void {
    inDirectory(this.#directory, () => {
      for (const name of readdirSync(this.#seedDirectory(seed))) {
        if (name.startsWith(RETRAINING)) rmSync(this.#file(seed, name));
      }
    });
  }

  /** Writes a document about the whole experiment. */
  writeDocument(name: string, text: string): void {
    inDirectory(this.#directory, () => {
      writeAtomically(path.join(this.#directory, name), [new TextEncoder().encode(text)]);
    });
  }

  #seedDirectory(seed: number): string {
    return path.join(this.#directory, `seed-${seed}`);
  }

  #file(seed: number, name: string): string {
    return path.join(this.#seedDirectory(seed), name);
  }
}

function checksumOf({ state, optimizer }: TrainingCheckpoint): number {
  return crc32(new Uint8Array(Buffer.concat([state, optimizer])));
}

function bytesOf(file: string): Uint8Array {
  // A copy at the beginning of its memory, as states need it.
  return new Uint8Array(readFileSync(file));
}

/** The JSON of a file; null when it is not there or has none. */
function readJson(file: string): unknown {
  if (!existsSync(file)) return null;
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function writeJson(file: string, value: unknown): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeAtomically(file, [new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`)]);
}

/** @throws StateDirectoryError for what the operating system refuses */
function inDirectory<Result>(directory: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Error) || !("syscall" in error)) throw error;
    throw new StateDirectoryError(`Cannot keep rows in ${directory}: ${error.message}`, error);
  }
}
