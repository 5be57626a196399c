import { type Clock, crc32, systemClock } from "@everfresh/core";
import { batchReader } from "@everfresh/learn";
import { type History, memoryHistory } from "@everfresh/streams";
import { readFileSync } from "node:fs";
import { ModelSourceMismatchError } from "../errors.ts";
import type { Experiment } from "./experiment.ts";
import { OPTIMIZERS } from "./optimizers.ts";
import type { PaperData } from "./paper-data.ts";
import { type ModelChoice, openModel } from "./paper-model.ts";
import { groupsOf, type RowGroup, workOf } from "./row-group.ts";
import type { RowResult } from "./row-result.ts";
import { runGroup, trainInitially } from "./row-runs.ts";
import { rowName, type RowSpec } from "./row-spec.ts";
import type { InitialModel, RowStore } from "./row-store.ts";
import type { SeedRun } from "./seed-run.ts";
import { openSeedSession } from "./seed-session.ts";
import { TestSet } from "./test-set.ts";

/** What is computed. */
export interface ExperimentOptions {
  readonly experiment: Experiment;
  readonly model: ModelChoice;
  readonly data: PaperData;
  readonly seeds: readonly number[];
  readonly rows: readonly RowSpec[];
  /** Where rows are kept, and where those that are there already come from. */
  readonly store: RowStore;
  /** Is told what is going on. */
  readonly onProgress: (progress: ExperimentProgress) => void;
  /** Ends the work between two steps by rejecting with the signal's reason. */
  readonly signal?: AbortSignal;
  /** @default the machine's */
  readonly clock?: Clock;
}

/** How far an experiment has come. */
export interface ExperimentProgress {
  readonly seed: number;
  /** What is being computed. */
  readonly doing: string;
  /** Rows that are done, of all seeds. */
  readonly rowsDone: number;
  readonly rows: number;
  /** From 0 to 1, of what this run has to do. */
  readonly share: number;
  /** Seconds, by the pace so far; null before there is one. */
  readonly secondsLeft: number | null;
}

/** An initial training, for the table. */
export interface InitialFacts {
  readonly seed: number;
  readonly steps: number;
  readonly trainSeconds: number;
}

/** All rows of all seeds. */
export interface ExperimentResult {
  readonly rows: readonly RowResult[];
  readonly initial: readonly InitialFacts[];
}

/**
 * Computes the rows that the store does not have yet, seed by seed, and gives all.
 * @throws what training throws; the reason of `signal`
 */
export async function runExperiment(options: ExperimentOptions): Promise<ExperimentResult> {
  const { experiment, data, seeds, rows, store } = options;
  const needed = experiment.initialSamples + experiment.streamSamples;
  if (data.train.length < needed) {
    throw new ModelSourceMismatchError(
      `Experiment ${experiment.name} needs ${needed} samples, ${data.description} has ` +
        `${data.train.length}; give the whole data set, or a smaller --scale`,
      { needed, found: data.train.length },
    );
  }
  const plan = seeds.map((seed) => planOf(seed, options)).filter(({ work }) => work > 0);
  const pace = new Pace(
    plan.reduce((sum, { work }) => sum + work, 0),
    options,
  );
  if (plan.length > 0) {
    await using history = memoryHistory();
    await history.append(data.train);
    const test = new TestSet(data.test, experiment.preprocessing);
    for (const seedPlan of plan) await runSeed(seedPlan, options, { history, test, pace });
  }
  return {
    rows: seeds.flatMap((seed) => rows.flatMap((row) => store.row(seed, rowName(row)) ?? [])),
    initial: seeds.flatMap((seed) => {
      const { steps, trainSeconds } = store.initial(seed) ?? {};
      return steps === undefined || trainSeconds === undefined
        ? []
        : [{ seed, steps, trainSeconds }];
    }),
  };
}

/** What is missing of a seed. */
interface SeedPlan {
  readonly seed: number;
  readonly initial: InitialModel | null;
  readonly groups: readonly RowGroup[];
  readonly work: number;
}

function planOf(seed: number, { experiment, rows, store }: ExperimentOptions): SeedPlan {
  const missing = rows.filter((row) => store.row(seed, rowName(row)) === null);
  const groups = groupsOf(missing, experiment);
  const initial = missing.length === 0 ? null : store.initial(seed);
  const { epochs, initialSamples, batchSize } = experiment;
  const initialWork = initial === null ? epochs * Math.ceil(initialSamples / batchSize) : 0;
  const work = groups.reduce((sum, group) => sum + workOf(group, experiment), initialWork);
  // At least 1, so that a frozen row alone is work too.
  return { seed, initial, groups, work: missing.length === 0 ? 0 : Math.max(1, work) };
}

async function runSeed(
  { seed, initial: stored, groups }: SeedPlan,
  options: ExperimentOptions,
  shared: { readonly history: History; readonly test: TestSet; readonly pace: Pace },
): Promise<void> {
  const { experiment, store, signal, clock = systemClock } = options;
  const { history, test, pace } = shared;
  const model = openModel(experiment, options.model, seed);
  await using session = await openSeedSession({ model, experiment, seed }, OPTIMIZERS.adam);
  const common: Omit<SeedRun, "initial"> = {
    experiment,
    seed,
    model,
    session,
    history,
    batches: batchReader(history, experiment.preprocessing),
    test,
    clock,
    retrainings: (samples) => store.retraining(seed, samples),
    onWork: (steps) => pace.worked(steps),
    ...(signal === undefined ? {} : { signal }),
  };
  let initial = stored;
  if (initial === null) {
    pace.begins(seed, "initial training");
    initial = await trainInitially(common);
    store.putInitial(seed, initial);
    store.forgetRetrainings(seed);
  }
  for (const group of groups) {
    pace.begins(seed, titleOf(group));
    // Not all at once: of those of a group, too, each is whole or not there.
    for (const result of await runGroup({ ...common, initial }, group)) store.put(result);
    store.forgetRetrainings(seed);
    pace.ended();
  }
}

function titleOf(group: RowGroup): string {
  if (group.kind === "single") return rowName(group.row);
  const own = rowName(group.trained);
  return group.followers.length === 0 ? own : `${own} and ${group.followers.length} that follow`;
}

/** Tells how far the work is, and how long it will take at the pace so far. */
class Pace {
  readonly #work: number;
  readonly #options: ExperimentOptions;
  readonly #startMs = performance.now();
  #done = 0;
  #seed = 0;
  #doing = "";
  #rowsDone = 0;

  constructor(work: number, options: ExperimentOptions) {
    this.#work = work;
    this.#options = options;
    this.ended();
  }

  begins(seed: number, doing: string): void {
    this.#seed = seed;
    this.#doing = doing;
    this.worked(0);
  }

  worked(steps: number): void {
    this.#done += steps;
    const { seeds, rows, onProgress } = this.#options;
    const share = Math.min(1, this.#done / Math.max(1, this.#work));
    const seconds = (performance.now() - this.#startMs) / 1_000;
    onProgress({
      seed: this.#seed,
      doing: this.#doing,
      rowsDone: this.#rowsDone,
      rows: seeds.length * rows.length,
      share,
      secondsLeft: share === 0 ? null : (seconds / share) * (1 - share),
    });
  }

  ended(): void {
    const { seeds, rows, store } = this.#options;
    this.#rowsDone = seeds
      .flatMap((seed) => rows.map((row) => store.row(seed, rowName(row))))
      .filter((row) => row !== null).length;
  }
}

/** Checksum of a file, to know it again. */
export function fileChecksum(file: string): number {
  return crc32(new Uint8Array(readFileSync(file)));
}
