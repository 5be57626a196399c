/**
 * Whether it matters what a model is retrained on after a drift, the steps being the same:
 *
 *   a model learns on with uniform history ──► a watch sees a drift ──► 500 samples since the change
 *       └──► as many steps from there on each choice of samples ──► accuracy on the samples that follow
 */
import { preprocessBatch, Random, stateBytes, streamOf, systemClock } from "@everfresh/core";
import { openTrainingSession, type TrainingSession } from "@everfresh/engine";
import {
  argmaxRows,
  batchReader,
  perform,
  type PositionRange,
  type RetrainingIteration,
  StrategyRun,
  type VerdictEvent,
} from "@everfresh/learn";
import { type History, memoryHistory } from "@everfresh/streams";
import { initialTraining, type StreamWatch, type WatchedStream } from "../streams/row.ts";
import { BATCH_SIZE } from "../streams/strategies.ts";
import { type Spread, spreadOf } from "../streams/summary.ts";
import type { DriftCase } from "./cases.ts";
import { policyOf } from "./policies.ts";
import { policyWatchOf } from "./policy-watch.ts";

/** Samples since the estimated change that a retraining waits for. */
const SINCE_MIN = 500;
/** Samples after it that it is judged by. */
const JUDGED_BY = 2_000;
/** The newest samples that are retrained on instead. */
const LAST = [250, 500, 1_000, 4_000];

/** What retraining on a choice of samples comes to. */
export interface RetrainingRow {
  readonly choice: string;
  /** Samples chosen, mean over the retrainings. */
  readonly samples: number;
  /** On the samples that follow, 0 to 1: mean over the changes of a seed, then over the seeds. */
  readonly accuracy: Spread;
  /** Points above the chosen data; its mean and deviation over the seeds. */
  readonly beyondChosen: Spread;
  readonly seeds: number;
  /** Retrainings that this is about. */
  readonly retrainings: number;
}

/** What is measured. */
export interface RetrainingOptions {
  readonly case: DriftCase;
  readonly lag: number;
  readonly seeds: readonly number[];
  readonly scale: number;
  readonly data: string;
  /** The policy whose watch sees drifts. */
  readonly watch: string;
  /** Of each retraining. */
  readonly steps: number;
}

/** A retraining at a drift: accuracy by choice, and how many samples that was. */
interface Outcome {
  readonly seed: number;
  readonly accuracy: ReadonlyMap<string, number>;
  readonly samples: ReadonlyMap<string, number>;
}

const CHOSEN = "chosen: since the change";

/** A row per choice. */
export async function retrainingRows(
  options: RetrainingOptions,
): Promise<readonly RetrainingRow[]> {
  const outcomes: Outcome[] = [];
  for (const seed of options.seeds) outcomes.push(...(await outcomesOf(seed, options)));
  const seeds = [...new Set(outcomes.map(({ seed }) => seed))];
  const choices = [...(outcomes[0]?.accuracy.keys() ?? [])];
  const perSeed = (choice: string): readonly number[] =>
    seeds.map((seed) => {
      const own = outcomes.filter((each) => each.seed === seed);
      return spreadOf(own.map(({ accuracy }) => accuracy.get(choice) ?? 0)).mean;
    });
  const chosen = perSeed(CHOSEN);
  return choices.map((choice) => {
    const accuracies = perSeed(choice);
    return {
      choice,
      samples: spreadOf(outcomes.map(({ samples }) => samples.get(choice) ?? 0)).mean,
      accuracy: spreadOf(accuracies),
      beyondChosen: spreadOf(accuracies.map((each, i) => each - (chosen[i] ?? 0))),
      seeds: seeds.length,
      retrainings: outcomes.length,
    };
  });
}

async function outcomesOf(seed: number, options: RetrainingOptions): Promise<readonly Outcome[]> {
  const { experiment } = options.case;
  const { data, scale, lag } = options;
  const opened = await experiment.open({ data, seed, scale, isReference: false });
  const { initial, stream, preprocessing, target } = opened;
  await using session = await openTrainingSession(opened.model, {
    optimizer: experiment.optimizer,
    batchSize: BATCH_SIZE,
    plan: { workers: 1, threadsPerWorker: 1 },
  });
  const history = memoryHistory();
  await history.append(initial);
  await perform(initialTraining(initial.length, experiment, seed), {
    ...{ session, batches: batchReader(history, preprocessing), clock: systemClock },
  });
  const watch = new SinceWatch(options.watch, { ...opened, session, seed });
  const { strategy: spec } = policyOf("never");
  if (spec === null) throw new Error("internal: never has a strategy");
  const run = new StrategyRun({
    strategies: [{ name: "never", spec, session, initial: stateBytes(opened.model.state).slice() }],
    evaluation: { target: { kind: "classes", count: target.count }, windowSamples: SINCE_MIN },
    ...{ history, preprocessing, seed, clock: systemClock, lagSamples: lag },
    onScored: ({ from, hits }) => watch.scored(from, hits),
  });
  const outcomes: Outcome[] = [];
  for (const sample of stream) {
    await run.arrive(sample);
    await watch.arrived(run.arrived - 1, run);
    const known = initial.length + run.labelled;
    if (watch.since === null || known < watch.since + SINCE_MIN) continue;
    const judged = run.arrived + JUDGED_BY <= stream.length;
    if (judged)
      outcomes.push(await compared({ run, watch, history, session, seed }, options, opened));
    watch.since = null;
  }
  return outcomes;
}

/** Looks on as a policy does, but only remembers since when the stream is another one. */
class SinceWatch implements StreamWatch {
  since: number | null = null;
  readonly #seen = new Set<number>();
  readonly #watch: StreamWatch;

  constructor(policy: string, watched: WatchedStream) {
    const { watch } = policyOf(policy);
    if (watch === null) throw new Error(`--policies with --retraining: "${policy}" sees no drift`);
    this.#watch = policyWatchOf(watch, watched);
  }

  scored(from: number, hits: Uint8Array): void {
    this.#watch.scored(from, hits);
  }

  async arrived(number: number, run: StrategyRun): Promise<void> {
    const told: Pick<StrategyRun, "tell" | "labelled"> = {
      labelled: run.labelled,
      tell: (event) => {
        if (event.kind === "verdict" && event.verdict === "drift") this.#drift(event);
        return Promise.resolve();
      },
    };
    await this.#watch.arrived(number, told as StrategyRun);
  }

  /** As a response: once for every drift, when labels have confirmed it. */
  #drift({ outcome = "confirmed", record, since = null }: VerdictEvent): void {
    if (outcome !== "confirmed" || (record !== undefined && this.#seen.has(record))) return;
    if (record !== undefined) this.#seen.add(record);
    this.since ??= since;
  }
}

interface Standing {
  readonly run: StrategyRun;
  readonly watch: SinceWatch;
  readonly history: History;
  readonly session: TrainingSession;
  readonly seed: number;
}

/** Retrains on every choice from the same state and optimizer, and puts them back. */
async function compared(
  { run, watch, history, session, seed }: Standing,
  { steps }: RetrainingOptions,
  { initial, stream, preprocessing }: Pick<WatchedStream, "initial" | "stream" | "preprocessing">,
): Promise<Outcome> {
  const known = initial.length + run.labelled;
  const before = session.checkpoint();
  const judges = stream.slice(run.arrived, run.arrived + JUDGED_BY);
  const inputs = preprocessBatch(
    preprocessing,
    judges.map(({ features }) => features),
  );
  const from = Math.min(watch.since ?? known, known);
  const choices: readonly (readonly [string, PositionRange])[] = [
    [CHOSEN, { from, to: known }],
    ["all history", { from: 0, to: known }],
    ...LAST.map(
      (count) => [`the last ${count}`, { from: Math.max(0, known - count), to: known }] as const,
    ),
  ];
  const accuracy = new Map<string, number>();
  const samples = new Map<string, number>();
  for (const [name, range] of choices) {
    const count = range.to - range.from;
    const iteration: RetrainingIteration = {
      ...{ kind: "retraining", past: known, skipped: 0, fresh: 0, why: name, samples: [range] },
      ...{ start: "warm", epochs: Math.ceil(steps / (count / BATCH_SIZE)), batchSize: BATCH_SIZE },
      ...{ stepsMax: steps, order: new Random(seed, streamOf("retraining")).position },
    };
    await session.restore(before);
    const batches = batchReader(history, preprocessing);
    // What has labels is in the history only when a strategy has needed it.
    await run.checkpoint();
    await perform(iteration, { session, batches, clock: systemClock });
    const logits = await session.predict(session.state, inputs, judges.length);
    const right = argmaxRows(logits, judges.length).filter((each, i) => each === judges[i]?.label);
    accuracy.set(name, right.length / judges.length);
    samples.set(name, count);
  }
  await session.restore(before);
  return { seed, accuracy, samples };
}
