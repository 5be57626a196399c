import type { RunRecord } from "../state/state-directory.ts";
import { StateMismatchError } from "../errors.ts";

/** What a start asks for. */
export interface RunRequest {
  readonly model: string;
  readonly source: string;
  readonly parameters: number;
  readonly mode: RunRecord["mode"];
  /** As of `RunRecord`. */
  readonly labelLag: RunRecord["labelLag"];
  /** Steps over which the learning rate rises, where the run starts now. */
  readonly warmUpSteps: number;
  /** Seed that was given; otherwise the recorded one, or 1 in a fresh directory. */
  readonly seed: number | undefined;
  /** Steps that this start should make; without end when undefined. */
  readonly steps: number | undefined;
}

/** @default seed of a run that was not given one */
export const SEED_DEFAULT = 1;

/**
 * What a start is to do, given what its state directory recorded. A run of N steps that was
 * interrupted is completed by asking for N steps again; a finished one is continued by N more.
 * @throws StateMismatchError when the directory belongs to another model, source, mode or seed
 */
export function runRecordFor(
  request: RunRequest,
  recorded: RunRecord | null,
  stepsMade: number,
): RunRecord {
  const { model, source, parameters, mode, labelLag, steps } = request;
  const seed = request.seed ?? recorded?.seed ?? SEED_DEFAULT;
  const wanted = { model, source, parameters, mode, labelLag, seed };
  if (recorded !== null) checkSame(wanted, recorded);
  return {
    model,
    source,
    parameters,
    mode,
    labelLag,
    seed,
    warmUpSteps: recorded?.warmUpSteps ?? request.warmUpSteps,
    plan: recorded?.plan ?? null,
    processor: recorded?.processor ?? null,
    goal: goalOf(steps, recorded?.goal ?? null, stepsMade),
  };
}

function goalOf(
  steps: number | undefined,
  interrupted: RunRecord["goal"],
  stepsMade: number,
): RunRecord["goal"] {
  if (steps === undefined) return null;
  if (interrupted?.requestedSteps === steps) return interrupted;
  return { requestedSteps: steps, untilStep: stepsMade + steps };
}

/** What people call it. */
const NAMES = {
  model: "model",
  source: "source",
  parameters: "parameters",
  mode: "sparse deployment of",
  labelLag: "a lag of labels of",
  seed: "seed",
} as const;

function checkSame(wanted: Pick<RunRecord, keyof typeof NAMES>, recorded: RunRecord): void {
  for (const key of ["model", "source", "parameters", "mode", "labelLag", "seed"] as const) {
    if (wanted[key] === recorded[key]) continue;
    const wayOut = key === "parameters" ? "let it start anew there with --new-generation, or " : "";
    throw new StateMismatchError(
      `The state directory holds a run with ${NAMES[key]} ${shown(recorded[key])}, this one has ${NAMES[key]} ${shown(wanted[key])}; ${wayOut}choose another with --state DIR`,
      { key, recorded: recorded[key], wanted: wanted[key] },
    );
  }
}

function shown(value: string | number | null): string {
  return value === "follows" ? "whatever it is (labelsFollow)" : String(value ?? "none");
}
