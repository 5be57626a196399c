/**
 * What signals without labels are worth where labels come late: how soon changes of digits are seen with
 * and without them, at the same measured rate of false alarms.
 */
import { defaultSignals, type DriftSpec, type MonitoredSignalSpec } from "@everfresh/learn";
import { median } from "../statistics.ts";
import { type Spread, spreadOf } from "../streams/summary.ts";
import {
  allDigits,
  type ChangingDigits,
  changingDigits,
  DIGITS_CHANGES,
} from "./changing-digits.ts";
import { type DigitsRecord, recordOf } from "./digits-record.ts";
import { firstAlarm, watch, type Watched, watchedOf, type Watching } from "./recorded-drift.ts";
import type { DriftRow } from "./rows.ts";

/** What is run. */
export interface MnistChangesOptions {
  readonly seeds: readonly number[];
  /** Samples after which a label arrives. */
  readonly lag: number;
  readonly scale: number;
  readonly data: string;
  /** Where records are kept: those that are there are not made again. */
  readonly out: string;
  /** Is told of what is done. */
  readonly onProgress?: (what: string) => void;
}

/** How a setting did on a change. */
export interface MnistChangesRow extends DriftRow {
  readonly change: string;
  /** Samples between two false alarms: what it was told, and what it came to. */
  readonly budget: number;
  readonly falseAlarms: number;
  readonly meanTimeBetweenFalseAlarms: number;
  /** Mean samples from the change to the first alarm, of those that there were, and its standard error. */
  readonly meanTimeToDetection: number;
  readonly standardError: number;
  /** Changes without an alarm over all changes. */
  readonly missedDetectionRate: number;
}

/** Budgets of all default signals; the labelled ones have what comes to as many false alarms. */
const BUDGETS = [25_000, 5_000];
/** Budgets are looked for between these, in so many halvings of their ratio. */
const BUDGET_LEAST = 1_000;
const BUDGET_MOST = 1_000_000;
const HALVINGS = 9;

const needsLabels = ({ input }: MonitoredSignalSpec): boolean =>
  input === "errors" || input === "deployedErrors";

/** The settings that are compared: all default signals first. */
const SETTINGS: Readonly<Record<string, DriftSpec>> = {
  "all default signals": {},
  "labelled ones only": { signals: defaultSignals().filter(needsLabels) },
};

/** A stream of a seed, watched up to its change. */
interface Seeded {
  readonly seed: number;
  readonly stream: ChangingDigits;
  readonly record: DigitsRecord;
  readonly before: Watched;
}

/** A setting with its budget, and what it said before the changes. */
interface Measured {
  readonly policy: string;
  readonly spec: DriftSpec;
  readonly budget: number;
  /** By seed. */
  readonly watchings: readonly Watching[];
  readonly falseAlarms: number;
}

/** A row per change, budget and setting. */
export async function mnistChangesRows(
  options: MnistChangesOptions,
): Promise<readonly MnistChangesRow[]> {
  const { seeds, lag, scale, data, out, onProgress = () => undefined } = options;
  const digits = await allDigits(data);
  const all: Seeded[] = [];
  for (const seed of seeds) {
    const stream = changingDigits(digits, { seed, scale });
    const record = await recordOf(stream, { seed, lag, scale, out });
    all.push({ seed, stream, record, before: watchedOf(stream.before, record.before) });
    onProgress(`seed ${seed}: ${stream.before.length} samples before the change`);
  }
  const measured = BUDGETS.flatMap((budget) => settingsAt(budget, all, lag, onProgress));
  const rows: MnistChangesRow[] = [];
  for (const { name } of DIGITS_CHANGES) {
    const delays = await delaysOf(name, measured, all, lag);
    measured.forEach((each, i) => rows.push(rowOf(name, each, delays[i] ?? [], all)));
    onProgress(name);
  }
  return rows;
}

/** All settings, each with the budget that comes to as many false alarms as the first one has. */
function settingsAt(
  budget: number,
  all: readonly Seeded[],
  lag: number,
  onProgress: (what: string) => void,
): readonly Measured[] {
  const measured: Measured[] = [];
  for (const [policy, spec] of Object.entries(SETTINGS)) {
    const wanted = measured[0]?.falseAlarms ?? null;
    const found =
      wanted === null
        ? measure(policy, { ...spec, falseAlarmEvery: budget }, all, lag)
        : matching(wanted, policy, spec, all, lag);
    onProgress(`${policy}: ${found.falseAlarms} false alarms with a budget of ${found.budget}`);
    measured.push(found);
  }
  return measured;
}

/** The budget whose false alarms are nearest to those that are wanted. */
function matching(
  wanted: number,
  policy: string,
  spec: DriftSpec,
  all: readonly Seeded[],
  lag: number,
): Measured {
  let [least, most] = [BUDGET_LEAST, BUDGET_MOST];
  let best: Measured | null = null;
  for (let i = 0; i < HALVINGS; i++) {
    const falseAlarmEvery = Math.round(Math.sqrt(least * most));
    const tried = measure(policy, { ...spec, falseAlarmEvery }, all, lag);
    const isNearer =
      best === null || Math.abs(tried.falseAlarms - wanted) < Math.abs(best.falseAlarms - wanted);
    if (isNearer) best = tried;
    if (tried.falseAlarms === wanted) break;
    if (tried.falseAlarms > wanted) least = falseAlarmEvery;
    else most = falseAlarmEvery;
  }
  return best as Measured;
}

function measure(
  policy: string,
  spec: DriftSpec & { readonly falseAlarmEvery?: number },
  all: readonly Seeded[],
  lag: number,
): Measured {
  const watchings = all.map(({ seed, before }) => watch(before, { spec, seed, lag }));
  const falseAlarms = watchings.reduce((sum, { alarms }) => sum + alarms.length, 0);
  return { policy, spec, budget: spec.falseAlarmEvery ?? NaN, watchings, falseAlarms };
}

/** For each measured setting, samples from the change to the first alarm per seed; null without one. */
async function delaysOf(
  change: string,
  measured: readonly Measured[],
  all: readonly Seeded[],
  lag: number,
): Promise<readonly (readonly (number | null)[])[]> {
  const delays = measured.map((): (number | null)[] => []);
  const found = DIGITS_CHANGES.find(({ name }) => name === change);
  for (const [at, { seed, stream, record, before }] of all.entries()) {
    const answers = record.after[change];
    if (found === undefined || answers === undefined) throw new Error(`no record of "${change}"`);
    const after = watchedOf(await stream.after(found), answers);
    const changeAt = before.samples.length;
    const whole: Watched = {
      samples: [...before.samples, ...after.samples],
      probabilities: [...before.probabilities, ...after.probabilities],
      hits: Uint8Array.from([...before.hits, ...after.hits]),
    };
    measured.forEach(({ spec, watchings }, i) => {
      const checkpoint = watchings[at]?.checkpoint;
      if (checkpoint === undefined) return;
      const alarm = firstAlarm(whole, changeAt, { spec, seed, lag, checkpoint });
      delays[i]?.push(alarm === null ? null : alarm - changeAt + 1);
    });
  }
  return delays;
}

function rowOf(
  change: string,
  { policy, budget, watchings, falseAlarms }: Measured,
  delays: readonly (number | null)[],
  all: readonly Seeded[],
): MnistChangesRow {
  const samples = all.reduce((sum, { before }) => sum + before.samples.length, 0);
  const right = all.reduce((sum, { before }) => sum + before.hits.reduce((a, b) => a + b, 0), 0);
  const seen = delays.filter((delay) => delay !== null);
  const { mean, deviation }: Spread = spreadOf(seen);
  return {
    ...{ policy, change, budget, accuracy: right / samples, alarms: falseAlarms + seen.length },
    ...{ falseAlarms, falseAlarmsPer10k: (falseAlarms * 10_000) / samples },
    meanTimeBetweenFalseAlarms: samples / falseAlarms,
    meanTimeToDetection: mean,
    standardError: deviation / Math.sqrt(seen.length),
    medianDelay: seen.length === 0 ? null : median(seen),
    detectedShare: seen.length / delays.length,
    missedDetectionRate: 1 - seen.length / delays.length,
    microsPerUpdate: median(watchings.map(({ micros }) => micros)),
  };
}
