import { type Command, InvalidArgumentError, Option } from "commander";
import type { BatchNormMode, Provider } from "@everfresh/engine";

/** Options that `run`, `demo` and `replica` share. */
export interface CommonOptions {
  /** One JSON document on stdout, logs on stderr. */
  readonly json: boolean;
  /** Stop after this many steps (updates, for a replica). */
  readonly steps?: number;
  readonly seed?: number;
  /** 0 = a free port. */
  readonly port?: number;
  /** State directory. */
  readonly state?: string;
  /** Share of the parameters that one update may change. */
  readonly ratio?: number;
  /** Folder with the four IDX files. */
  readonly data?: string;
}

const PORT_MAX = 65_535;
const WORKERS_MAX = 64; // as the engine's

/** Adds the option that every command has. */
export function addJsonOption(command: Command): Command {
  return command.addOption(
    new Option("--json", "print one JSON document on stdout; logs go to stderr").default(false),
  );
}

/** Adds the option of commands that work on a state directory. */
export function addStateOption(command: Command): Command {
  return command.addOption(new Option("--state <dir>", "state directory"));
}

/** Adds the options that `run`, `demo` and `replica` share. */
export function addCommonOptions(command: Command): Command {
  return addStateOption(addJsonOption(command))
    .addOption(
      new Option(
        "--steps <n>",
        "stop after so many steps, or retrainings (a replica: updates)",
      ).argParser(wholeNumber(1, Number.MAX_SAFE_INTEGER)),
    )
    .addOption(
      new Option(
        "--seed <n>",
        "seed of initialisation, sampling and generated data; with it nothing depends on a measurement",
      ).argParser(wholeNumber(0, Number.MAX_SAFE_INTEGER)),
    )
    .addOption(
      new Option("--port <n>", "port to listen on, 0 for a free one (run, demo: 7070)").argParser(
        wholeNumber(0, PORT_MAX),
      ),
    )
    .addOption(
      new Option("--ratio <r>", "share of the parameters that one update may change").argParser(
        ratio,
      ),
    )
    .addOption(new Option("--data <dir>", "folder with the four MNIST (IDX) files, gzip or not"));
}

/** Options of commands that train: what to fix about how that is computed. */
export interface PlanOptions {
  /** Training workers. */
  readonly workers?: number;
  readonly batchNorm?: BatchNormMode;
  readonly provider?: Provider;
}

/** Adds {@link PlanOptions}. */
export function addPlanOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--workers <n>", "training workers; by default as before, or 2").argParser(
        wholeNumber(1, WORKERS_MAX),
      ),
    )
    .addOption(
      new Option(
        "--batch-norm <mode>",
        "statistics of each worker's part, or those of the whole batch in one worker",
      ).choices(["shard", "exact"]),
    )
    .addOption(
      new Option("--provider <name>", "execution provider of ONNX Runtime, by default cpu").choices(
        ["cpu", "webgpu", "cuda"],
      ),
    );
}

/** Parses the number of a version, 0 for the first. */
export function versionNumber(text: string): number {
  return wholeNumber(0, Number.MAX_SAFE_INTEGER)(text);
}

/** Parses how many of something are wanted. */
export function countNumber(text: string): number {
  return wholeNumber(1, Number.MAX_SAFE_INTEGER)(text);
}

/** Parses a whole number within bounds. */
function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < min || value > max || text.trim() === "") {
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

/** Parses a number above 0. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) {
    throw new InvalidArgumentError("It must be a number above 0.");
  }
  return value;
}

function ratio(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError("It must be above 0 and up to 1.");
  return value;
}
