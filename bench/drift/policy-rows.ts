import { median } from "../statistics.ts";
import { storedRow, storeRow } from "../streams/row-folder.ts";
import { type StreamRow, StreamStart } from "../streams/row.ts";
import { type Spread, spreadOf } from "../streams/summary.ts";
import type { DriftCase, StreamChange } from "./cases.ts";
import type { Policy } from "./policies.ts";
import { type PolicyWatch, policyWatchOf } from "./policy-watch.ts";
import type { DriftRow } from "./rows.ts";

/** Samples after a change in which an alarm is about it. */
const HORIZON = 5_000;

/** What one policy did on one stream with one seed. */
export interface PolicyRun extends StreamRow {
  /** Numbers of the newest samples when it said that the stream has changed. */
  readonly alarms: readonly number[];
  readonly microsPerUpdate: number;
}

/** A row of a case, and how accuracies lie over its seeds. */
export interface PolicyRow {
  readonly row: DriftRow;
  readonly accuracy: Spread;
  readonly seeds: number;
  /** Optimizer steps, mean over the seeds. */
  readonly steps: number;
}

/** What {@link policyRows} measures. */
export interface PolicyRowOptions {
  readonly name: string;
  readonly case: DriftCase;
  readonly policies: readonly Policy[];
  readonly lag: number;
  readonly seeds: readonly number[];
  readonly scale: number;
  /** Folder of the real data, and the one where runs are kept. */
  readonly data: string;
  readonly out: string;
  /** Is told of every run that was measured. */
  readonly onRun: (run: PolicyRun) => void;
}

/** A row per policy; runs that the folder has already are not measured again. */
export async function policyRows(options: PolicyRowOptions): Promise<readonly PolicyRow[]> {
  const trained = options.policies.filter(({ strategy }) => strategy !== null);
  // Answers without a model are scored beside any that has one.
  const base = trained.length > 0 ? trained : [NEVER_TRAINED];
  const runs: PolicyRun[] = [];
  for (const seed of options.seeds) runs.push(...(await runsOf(seed, base, options)));
  return options.policies.map((policy) => rowOf(policy, runs, options));
}

const NEVER_TRAINED: Policy = { name: "frozen", strategy: { kind: "frozen" }, watch: null };

async function runsOf(
  seed: number,
  policies: readonly Policy[],
  { name, case: { experiment }, lag, scale, data, out, onRun }: PolicyRowOptions,
): Promise<readonly PolicyRun[]> {
  const runs: PolicyRun[] = [];
  let start: StreamStart | null = null;
  try {
    for (const { name: strategy, strategy: spec, watch: watchSpec } of policies) {
      if (spec === null) continue;
      const key = { experiment: name, lag, seed, strategy, scale };
      let run = storedRow(out, key) as PolicyRun | null;
      if (run === null) {
        const opened = await experiment.open({ data, seed, scale, isReference: false });
        start ??= await StreamStart.of(opened, experiment, seed);
        let watch: PolicyWatch | null = null;
        const { row } = await start.run(
          { name: strategy, label: strategy, spec },
          { lag, seed, curveEvery: experiment.curveEvery },
          (watched) => {
            watch = watchSpec === null ? null : policyWatchOf(watchSpec, watched);
            return watch;
          },
        );
        const { alarms = [], microsPerUpdate = 0 } = (watch as PolicyWatch | null) ?? {};
        run = { ...row, experiment: name, scale, alarms, microsPerUpdate };
        storeRow(out, run);
        onRun(run);
      }
      runs.push(run);
    }
  } finally {
    await start?.[Symbol.asyncDispose]();
  }
  return runs;
}

const ANSWERS: Readonly<Record<string, (run: PolicyRun) => number>> = {
  "no-change": ({ noChangeAccuracy }) => noChangeAccuracy,
  majority: ({ majorityAccuracy }) => majorityAccuracy,
};

function rowOf(
  { name, strategy }: Policy,
  runs: readonly PolicyRun[],
  { case: { changes, experiment }, scale }: PolicyRowOptions,
): PolicyRow {
  const own = strategy === null ? onePerSeed(runs) : runs.filter((run) => run.strategy === name);
  const accuracyOf = ANSWERS[name] ?? (({ accuracy }: PolicyRun) => accuracy);
  const accuracy = spreadOf(own.map(accuracyOf));
  const isSilent = strategy === null;
  const alarms = isSilent ? [] : own.map((run) => run.alarms);
  const count = alarms.reduce((sum, each) => sum + each.length, 0);
  const samples = own[0]?.samples ?? 0;
  const known =
    changes?.map((change) => inStream(change, scale, experiment.initialSamples)) ?? null;
  return {
    accuracy,
    seeds: own.length,
    steps: isSilent ? 0 : spreadOf(own.map(({ costs }) => costs.steps)).mean,
    row: {
      policy: name,
      accuracy: accuracy.mean,
      alarms: count,
      ...(known === null
        ? { falseAlarmsPer10k: null, medianDelay: null, detectedShare: null }
        : detection(alarms, known, samples)),
      microsPerUpdate: isSilent ? 0 : median(own.map((run) => run.microsPerUpdate)),
    },
  };
}

function onePerSeed(runs: readonly PolicyRun[]): readonly PolicyRun[] {
  return runs.filter((run, i) => runs.findIndex(({ seed }) => seed === run.seed) === i);
}

/** A change in numbers of the stream, which begins after the initial samples. */
function inStream(change: StreamChange, scale: number, initialSamples: number): StreamChange {
  const initial = Math.round(scale * initialSamples);
  return {
    fromSample: Math.round(scale * change.fromSample) - initial,
    overSamples: Math.round(scale * change.overSamples),
  };
}

/**
 * The first alarm after a change, before the next one and within {@link HORIZON} samples of its end, is
 * about it; every other alarm is false.
 */
function detection(
  alarms: readonly (readonly number[])[],
  changes: readonly StreamChange[],
  samples: number,
): Pick<DriftRow, "falseAlarmsPer10k" | "medianDelay" | "detectedShare"> {
  const delays: number[] = [];
  let falseAlarms = 0;
  for (const own of alarms) {
    const about = new Set<number>();
    changes.forEach(({ fromSample, overSamples }, i) => {
      const next = changes[i + 1]?.fromSample ?? samples;
      const end = Math.min(next, fromSample + overSamples + HORIZON);
      const first = own.find((alarm) => alarm >= fromSample && alarm < end);
      if (first === undefined) return;
      about.add(first);
      delays.push(first - fromSample + 1);
    });
    falseAlarms += own.length - about.size;
  }
  const changed = alarms.length * changes.length;
  return {
    falseAlarmsPer10k: alarms.length === 0 ? 0 : (falseAlarms * 10_000) / (alarms.length * samples),
    medianDelay: delays.length === 0 ? null : median(delays),
    detectedShare: changed === 0 ? 0 : delays.length / changed,
  };
}
