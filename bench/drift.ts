/** What sees a drift, how soon, how often wrongly, at what cost, and whether acting on it is worth it. */
import { bernoulliRows } from "./drift/bernoulli.ts";
import { type DriftCase, STREAM_CASES } from "./drift/cases.ts";
import { type CostRow, costRows } from "./drift/cost.ts";
import { ensembleCostRows } from "./drift/ensemble-cost.ts";
import { ensembleErrorsRow } from "./drift/ensemble-errors.ts";
import { longMemoryRows } from "./drift/long-memory.ts";
import { mnistChangesRows, type MnistChangesRow } from "./drift/mnist-changes.ts";
import { mnistStationaryRows } from "./drift/mnist-stationary.ts";
import { POLICIES_DEFAULT, policyOf } from "./drift/policies.ts";
import { type PolicyRow, policyRows } from "./drift/policy-rows.ts";
import { writeReliabilityFigure } from "./drift/reliability-figure.ts";
import { retrainingRows, type RetrainingRow } from "./drift/retraining.ts";
import type { DriftRow } from "./drift/rows.ts";
import {
  CHANGES_SEEDS,
  detectorsOf,
  ENSEMBLES,
  ERROR_CASES,
  LONG_MEMORY,
  MNIST_CHANGES,
  parse,
  type Settings,
  STATIONARY,
  USAGE,
  WARNINGS,
} from "./drift/settings.ts";
import { signalCostRows } from "./drift/signal-cost.ts";
import { stepCostRows } from "./drift/step-cost.ts";
import { warningRows } from "./drift/warnings.ts";
import { withSettings } from "./with-settings.ts";

const ERROR_SEEDS = 200;
const WARNING_SEEDS = 12;
const STATIONARY_UPDATES = 5_000;

/** What is printed: one JSON document, or tables. */
interface Report {
  readonly document: object;
  readonly tables: readonly (readonly object[])[];
}

/** The command `drift`; returns the exit status. */
export function drift(args: readonly string[]): Promise<number> {
  return withSettings(args, { usage: USAGE, parse }, async (settings) => {
    const { document, tables } = await reportOf(settings);
    if (settings.json) console.log(JSON.stringify(document));
    else tables.forEach(printTable);
    return 0;
  });
}

async function reportOf(settings: Settings): Promise<Report> {
  const { case: name, lag, figures } = settings;
  if (settings.cost) return costReport(settings);
  const ofRows = (rows: readonly object[], shown = rows): Report => ({
    document: { case: name, lag, rows },
    tables: [shown],
  });
  if (settings.retraining !== undefined) {
    const rows = await retrained(settings, settings.retraining);
    return ofRows(rows, rows.map(flat));
  }
  if (name === STATIONARY) return ofRows(await stationaryRows(settings));
  if (name === MNIST_CHANGES) return ofRows(await changesRows(settings));
  if (name === LONG_MEMORY) {
    const { scale, data, falseAlarmEvery = 25_000 } = settings;
    return ofRows(await longMemoryRows({ scale, data, falseAlarmEvery }));
  }
  if (name === WARNINGS) {
    const { reliability, summary } = warningRows({ seeds: settings.seeds ?? WARNING_SEEDS });
    if (figures !== undefined) writeReliabilityFigure(figures, reliability);
    return { document: { case: name, reliability, summary }, tables: [reliability, [summary]] };
  }
  if (Object.hasOwn(ERROR_CASES, name)) return ofRows(errorRows(settings));
  const streamed = await streamRows(settings);
  return ofRows(
    streamed.map(({ row }) => row),
    streamed.map(withInterval),
  );
}

async function costReport(settings: Settings): Promise<Report> {
  const rows = costRows(detectorsOf(settings));
  const signals = await signalCostRows();
  const steps = await stepCostRows();
  const ensemble = ensembleCostRows([8, 784]);
  return {
    document: { rows, signals, steps, ensemble },
    tables: [rows, signals, steps, ensemble],
  };
}

function errorRows(settings: Settings): readonly DriftRow[] {
  const { case: name, lag, seeds = ERROR_SEEDS, falseAlarmEvery, policies } = settings;
  const { correlation = 0, shift = 0 } = ERROR_CASES[name] ?? {};
  const budget = falseAlarmEvery === undefined ? {} : { falseAlarmEvery };
  const ensembles = Object.entries(ENSEMBLES)
    .filter(([policy]) => policies?.includes(policy) ?? true)
    .map(([policy, vote]) => {
      const spec = { ...budget, vote };
      return ensembleErrorsRow({ policy, seeds, lag, correlation, shift, spec });
    });
  return [...ensembles, ...bernoulliRows(detectorsOf(settings), { seeds, lag, correlation })];
}

function changesRows(settings: Settings): Promise<readonly MnistChangesRow[]> {
  const { seeds = CHANGES_SEEDS, lag, scale, data, out } = settings;
  return mnistChangesRows({
    ...{ seeds: Array.from({ length: seeds }, (_, i) => i + 1), lag, scale, data, out },
    onProgress: (what) => console.error(`${MNIST_CHANGES}, ${what}`),
  });
}

function stationaryRows({ seeds = 1, scale, data }: Settings): Promise<readonly DriftRow[]> {
  const updates = Math.max(1, Math.round(scale * STATIONARY_UPDATES));
  return mnistStationaryRows({
    ...{ seeds: Array.from({ length: seeds }, (_, i) => i + 1), updates, data },
    onUpdate: (seed, update) => {
      if (update % 500 === 0) console.error(`${STATIONARY} seed ${seed}: ${update} updates`);
    },
  });
}

function streamRows(settings: Settings): Promise<readonly PolicyRow[]> {
  const { case: name, policies = POLICIES_DEFAULT, lag, scale, data, out } = settings;
  const { found, seeds } = streamOf(settings);
  return policyRows({
    ...{ name, case: found, policies: policies.map(policyOf), lag, seeds, scale, data, out },
    onRun: ({ strategy, seed, accuracy, alarms }) => {
      const share = (100 * accuracy).toFixed(2);
      console.error(
        `${name} lag ${lag} seed ${seed} ${strategy}: ${share} %, ${alarms.length} alarms`,
      );
    },
  });
}

function retrained(settings: Settings, steps: number): Promise<readonly RetrainingRow[]> {
  const { lag, scale, data, policies } = settings;
  const { found, seeds } = streamOf(settings);
  const [watch = "ensemble"] = policies ?? [];
  return retrainingRows({ case: found, lag, seeds, scale, data, watch, steps });
}

/** The case of a stream, and the seeds that are asked for. */
function streamOf({ case: name, seeds: wanted }: Settings): {
  readonly found: DriftCase;
  readonly seeds: readonly number[];
} {
  const found = STREAM_CASES[name];
  if (found === undefined) throw new Error(`--case ${name} is no stream`);
  const count = wanted ?? (name.startsWith("mnist") ? found.experiment.seeds.length : 5);
  return { found, seeds: Array.from({ length: count }, (_, i) => i + 1) };
}

function flat({ accuracy, beyondChosen, ...row }: RetrainingRow): object {
  const { mean, deviation } = accuracy;
  return {
    ...{ ...row, accuracy: mean, deviation },
    ...{ beyondChosen: beyondChosen.mean, deviationOfThat: beyondChosen.deviation },
  };
}

/** The row, with the standard deviation over the seeds and the steps beside it. */
function withInterval({ row, accuracy, seeds, steps }: PolicyRow): object {
  const { policy, accuracy: mean, ...rest } = row;
  return { policy, accuracy: mean, deviation: accuracy.deviation, seeds, steps, ...rest };
}

/** A Markdown table with the fields of the rows as columns. */
function printTable(rows: readonly (DriftRow | CostRow | object)[]): void {
  const [first = {}] = rows;
  const columns = Object.keys(first);
  console.log(`| ${columns.join(" | ")} |\n|${" --- |".repeat(columns.length)}`);
  for (const row of rows) {
    const cells = (Object.values(row) as readonly (string | number | null)[]).map((value) =>
      typeof value === "number" ? Number(value.toFixed(4)) : (value ?? "–"),
    );
    console.log(`| ${cells.join(" | ")} |`);
  }
}
