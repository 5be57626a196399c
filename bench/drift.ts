/** What sees a drift, how soon, how often wrongly, at what cost, and whether acting on it is worth it. */
import { parseArgs } from "node:util";
import type { DetectorSpec } from "@everfresh/learn";
import { bernoulliRows } from "./drift/bernoulli.ts";
import { type DriftCase, STREAM_CASES } from "./drift/cases.ts";
import { type CostRow, costRows } from "./drift/cost.ts";
import { DETECTORS } from "./drift/detectors.ts";
import { ensembleCostRows } from "./drift/ensemble-cost.ts";
import { ensembleErrorsRow } from "./drift/ensemble-errors.ts";
import { mnistStationaryRows } from "./drift/mnist-stationary.ts";
import { POLICIES_DEFAULT, POLICY_NAMES, policyOf } from "./drift/policies.ts";
import { type PolicyRow, policyRows } from "./drift/policy-rows.ts";
import { retrainingRows, type RetrainingRow } from "./drift/retraining.ts";
import type { DriftRow } from "./drift/rows.ts";
import { signalCostRows, stepCost } from "./drift/signal-cost.ts";
import { warningRows } from "./drift/warnings.ts";
import { choiceOption, positiveOption, wholeOption } from "./option-values.ts";
import { withSettings } from "./with-settings.ts";

const DATA = process.env["EVERFRESH_DATA"] ?? "../shared/data";
const OUT = ".everfresh/bench-drift";

/** Cases that are errors without a model that makes them. */
const CORRELATIONS = { "bernoulli-iid": 0, "bernoulli-correlated": 0.5 } as const;
const ERROR_SEEDS = 200;

/** The policy of all signals together, among detectors of errors. */
const ENSEMBLE = "ensemble";

/** The case of streams with changes at random: whether the likelihood and warnings can be trusted. */
const WARNINGS = "warnings";
const WARNING_SEEDS = 12;

/** The case on which nothing but the model changes, and its updates. */
const STATIONARY = "mnist-stationary";
const STATIONARY_UPDATES = 5_000;

const USAGE = `Usage: npm run bench -- drift [options]

Runs detectors over errors whose change is known, and policies over streams: each sample is predicted
first, its label comes later, and policies learn from it and act on what they see. All policies of a
case share one network, optimizer, budget of steps and lag, and have the same settings in all cases.
Runs that --out has already are not measured again.

  --case NAME       errors: ${Object.keys(CORRELATIONS).join(", ")} (default bernoulli-iid): at a
                    rate of 0.2 for 5,000 samples, then at 0.4 (medianDelay) or 0.25 (detectedShare)
                    for 5,000; correlated ones are with probability 0.5 what the one before was;
                    streams: ${Object.keys(STREAM_CASES).slice(0, 6).join(", ")},
                    ${Object.keys(STREAM_CASES).slice(6).join(", ")};
                    ${STATIONARY}: LeNet-5 learns MNIST for 5,000 updates, and signals look at it or
                    at its state before them, pinned: every alarm is false;
                    ${WARNINGS}: generated streams that change at random: the likelihood against
                    the truth, warnings and their lead
  --lag N           samples after which a label arrives (default 0)
  --seeds N         how many: of errors (default 200), of streams (default 5, of MNIST 3)
  --policies A,B    which; of errors: ${ENSEMBLE}, ${Object.keys(DETECTORS).slice(0, 5).join(", ")},
                    ${Object.keys(DETECTORS).slice(5).join(", ")} (default all);
                    of streams: ${POLICY_NAMES.slice(0, 8).join(", ")},
                    ${POLICY_NAMES.slice(8, 11).join(", ")}, a detector (new weights at its alarms),
                    DETECTOR-window (our response to its alarms)
  --false-alarm-every N  errors: budget in samples between false alarms, of change-scan (40,000)
                    and of the ensemble (25,000)
  --scale F         streams: multiplies all numbers of samples (default 1)
  --out FOLDER      streams: where runs are kept (default ${OUT})
  --data FOLDER     where mnist and drift-streams are (default ${DATA})
  --cost            instead: microseconds of each detector per update, of each signal and of all
                    together per sample, and what watching takes of a training step of LeNet-5
  --retraining N    instead, of a stream: what N steps on different choices of samples come to after a
                    drift that the first of --policies sees (ensemble)
  --json            one JSON document
  --help            this text`;

const OPTIONS = {
  case: { type: "string", default: "bernoulli-iid" },
  lag: { type: "string", default: "0" },
  seeds: { type: "string" },
  policies: { type: "string" },
  "false-alarm-every": { type: "string" },
  scale: { type: "string", default: "1" },
  out: { type: "string", default: OUT },
  data: { type: "string", default: DATA },
  cost: { type: "boolean", default: false },
  retraining: { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

interface Settings {
  readonly case: string;
  readonly lag: number;
  readonly seeds: number | undefined;
  readonly policies: readonly string[] | undefined;
  readonly falseAlarmEvery: number | undefined;
  readonly scale: number;
  readonly out: string;
  readonly data: string;
  readonly cost: boolean;
  readonly retraining: number | undefined;
  readonly json: boolean;
}

/** The command `drift`; returns the exit status. */
export function drift(args: readonly string[]): Promise<number> {
  return withSettings(args, { usage: USAGE, parse }, async (settings) => {
    const { case: name, lag, json } = settings;
    if (settings.cost) {
      const rows = costRows(detectorsOf(settings));
      const [signals, step] = [await signalCostRows(), await stepCost()];
      const ensemble = ensembleCostRows([8, 784]);
      if (json) console.log(JSON.stringify({ rows, signals, step, ensemble }));
      else [rows, signals, [step], ensemble].forEach(printTable);
      return 0;
    }
    if (settings.retraining !== undefined) {
      const rows = await retrained(settings, settings.retraining);
      if (json) console.log(JSON.stringify({ case: name, lag, rows }));
      else printTable(rows.map(flat));
      return 0;
    }
    if (name === STATIONARY) {
      const rows = await stationaryRows(settings);
      if (json) console.log(JSON.stringify({ case: name, lag, rows }));
      else printTable(rows);
      return 0;
    }
    if (name === WARNINGS) {
      const { reliability, summary } = warningRows({ seeds: settings.seeds ?? WARNING_SEEDS });
      if (json) console.log(JSON.stringify({ case: name, reliability, summary }));
      else [reliability, [summary]].forEach(printTable);
      return 0;
    }
    const isErrors = Object.hasOwn(CORRELATIONS, name);
    const streamed = isErrors ? [] : await streamRows(settings);
    const rows = isErrors ? errorRows(settings) : streamed.map(({ row }) => row);
    if (json) console.log(JSON.stringify({ case: name, lag, rows }));
    else if (isErrors) printTable(rows);
    else printTable(streamed.map(withInterval));
    return 0;
  });
}

function parse(args: readonly string[]): Settings | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false });
  if (values.help) return "help";
  const { retraining, "false-alarm-every": every } = values;
  const cases = [...Object.keys(CORRELATIONS), ...Object.keys(STREAM_CASES), STATIONARY, WARNINGS];
  const settings: Settings = {
    case: choiceOption("case", values.case, cases),
    lag: values.lag === "0" ? 0 : wholeOption("lag", values.lag),
    seeds: values.seeds === undefined ? undefined : wholeOption("seeds", values.seeds),
    policies: values.policies?.split(",").map((name) => name.trim()),
    falseAlarmEvery: every === undefined ? undefined : wholeOption("false-alarm-every", every),
    scale: positiveOption("scale", values.scale),
    out: values.out,
    data: values.data,
    cost: values.cost,
    retraining: retraining === undefined ? undefined : wholeOption("retraining", retraining),
    json: values.json,
  };
  // Wrong names are refused before anything is measured.
  if (Object.hasOwn(CORRELATIONS, settings.case) || settings.cost) detectorsOf(settings);
  else (settings.policies ?? []).forEach(policyOf);
  return settings;
}

function detectorsOf(settings: Settings): Readonly<Record<string, DetectorSpec>> {
  const { policies = Object.keys(DETECTORS), falseAlarmEvery } = settings;
  const detectors = policies
    .filter((name) => name !== ENSEMBLE)
    .map((name) => {
      const chosen = choiceOption("policies", name, Object.keys(DETECTORS));
      const spec = DETECTORS[chosen] ?? { kind: "changeScan" };
      if (spec.kind !== "changeScan" || falseAlarmEvery === undefined)
        return [chosen, spec] as const;
      return [chosen, { ...spec, falseAlarmEvery }] as const;
    });
  return Object.fromEntries(detectors);
}

function errorRows(settings: Settings): readonly DriftRow[] {
  const { lag, seeds = ERROR_SEEDS, falseAlarmEvery } = settings;
  const correlation = CORRELATIONS[settings.case as keyof typeof CORRELATIONS];
  const isAsked = settings.policies?.includes(ENSEMBLE) ?? true;
  const spec = falseAlarmEvery === undefined ? {} : { falseAlarmEvery };
  const ensemble = isAsked ? [ensembleErrorsRow({ seeds, lag, correlation, spec })] : [];
  return [...ensemble, ...bernoulliRows(detectorsOf(settings), { seeds, lag, correlation })];
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
