/**
 * What a signal of rows makes of streams that never change but whose rows stay alike for long, and what
 * being told of its mistakes costs it where one of the features does change.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { Random } from "@everfresh/core";
import { twoSampleSignal, type TwoSampleSpec } from "@everfresh/learn";
import { digits, mnist } from "@everfresh/streams";
import { median } from "../statistics.ts";

/** What is run. */
export interface LongMemoryOptions {
  readonly scale: number;
  readonly data: string;
  /** Samples between two false alarms that are allowed. */
  readonly falseAlarmEvery: number;
}

/** What a policy came to on a stream. */
export interface LongMemoryRow {
  readonly stream: string;
  readonly policy: string;
  readonly samples: number;
  /** False alarms that the budget allows for. */
  readonly allowed: number;
  readonly falseAlarms: number;
  readonly falseAlarmsPer10k: number;
  /** Samples from a change of one feature to the alarm, of those that were seen; null without one. */
  readonly medianDelay: number | null;
  readonly detectedShare: number;
}

type Rows = readonly (readonly number[])[];

const SAMPLES = 60_000;
const FEATURES = 8;
const SIDE = 28;
/** Samples after an alarm at which labels take it back. */
const TOLD_AFTER = 1_000;
/** Mistakes after which a signal is as wary as it gets. */
const MISTAKES = 3;
/** Changes of one feature by so many of its deviations, after so many samples, seen within so many. */
const CHANGES = 20;
const SHIFT = 0.8;
const STABLE = 2_600;
const WITHIN = 400;

/** Rows per stream, none of which changes. */
async function streams({
  scale,
  data,
}: LongMemoryOptions): Promise<Readonly<Record<string, Rows>>> {
  const count = Math.round(scale * SAMPLES);
  const images = await imageRows(data, count);
  return {
    "digits in their own order": images,
    "digits in a drawn order": drawn(images),
    "correlation 0.5": correlated(count, 0.5, 0),
    "correlation 0.9, half of it noise": correlated(count, 0.9, 1),
    "correlation 0.98, four fifths of it noise": correlated(count, 0.98, 2),
  };
}

/** A row per stream and policy. */
export async function longMemoryRows(
  options: LongMemoryOptions,
): Promise<readonly LongMemoryRow[]> {
  const { falseAlarmEvery } = options;
  return Object.entries(await streams(options)).flatMap(([stream, rows]) => {
    const features = rows[0]?.length ?? 0;
    const spec = { kind: "twoSample", statistic: "hellinger", features, falseAlarmEvery } as const;
    return [false, true].map((isTold) => {
      const falseAlarms = alarmsOf(rows, spec, isTold);
      const delays = delaysOf(rows, spec, isTold ? MISTAKES : 0);
      const seen = delays.filter((delay) => delay !== null);
      return {
        ...{ stream, policy: isTold ? "told of mistakes" : "not told", samples: rows.length },
        ...{ allowed: rows.length / falseAlarmEvery, falseAlarms },
        falseAlarmsPer10k: (falseAlarms * 10_000) / rows.length,
        medianDelay: seen.length === 0 ? null : median(seen),
        detectedShare: seen.length / delays.length,
      };
    });
  });
}

/** Alarms on rows that never change. */
function alarmsOf(rows: Rows, spec: TwoSampleSpec, isTold: boolean): number {
  const signal = twoSampleSignal(spec);
  let toldAt = Infinity;
  for (const [i, row] of rows.entries()) {
    if (signal.update(row) === "drift" && isTold) toldAt = i + TOLD_AFTER;
    if (i === toldAt) signal.mistaken();
  }
  return signal.reading().alarms;
}

/** Samples from changes of the middle feature to the alarm; null without one. */
function delaysOf(rows: Rows, spec: TwoSampleSpec, mistakes: number): readonly (number | null)[] {
  const changed = Math.floor(spec.features / 2);
  const by = SHIFT * deviationOf(rows.map((row) => row[changed] ?? 0));
  const step = Math.floor((rows.length - STABLE - WITHIN) / CHANGES);
  return Array.from({ length: CHANGES }, (_, change) => {
    const signal = twoSampleSignal({ ...spec, seed: change });
    for (let i = 0; i < mistakes; i++) signal.mistaken();
    const [from, at] = [change * step, change * step + STABLE];
    for (const row of rows.slice(from, at)) signal.update(row);
    const delay = rows
      .slice(at, at + WITHIN)
      .findIndex((row) => signal.update(row.with(changed, (row[changed] ?? 0) + by)) === "drift");
    return delay < 0 ? null : delay + 1;
  });
}

/** The mean of each row of pixels. */
async function imageRows(data: string, count: number): Promise<Rows> {
  const folder = path.join(data, "mnist");
  const source = existsSync(folder) ? await mnist(folder, "train") : digits({ size: count });
  const rows: (readonly number[])[] = [];
  for await (const { features } of source.read()) {
    if (rows.length === count) break;
    rows.push(
      Array.from({ length: SIDE }, (_, line) => {
        let sum = 0;
        for (let i = line * SIDE; i < (line + 1) * SIDE; i++) sum += features[i] ?? 0;
        return sum / SIDE;
      }),
    );
  }
  return rows;
}

function drawn(rows: Rows): Rows {
  const random = new Random(1, 31);
  const order = [...rows];
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [order[i], order[j]] = [order[j] ?? [], order[i] ?? []];
  }
  return order;
}

/** Autoregressions with variance 1, and independent noise of some size on each. */
function correlated(count: number, correlation: number, noise: number): Rows {
  const random = new Random(1, 32);
  const last = new Float64Array(FEATURES);
  return Array.from({ length: count }, () =>
    Array.from(last, (value, i) => {
      const next = correlation * value + Math.sqrt(1 - correlation ** 2) * random.normal();
      last[i] = next;
      return next + noise * random.normal();
    }),
  );
}

function deviationOf(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
