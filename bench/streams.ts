/**
 * Streams that drift and labels that come late: what keeps a model good, strategy by strategy and
 * sampler by sampler, beside the last label and the most frequent one.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { choiceOption, positiveOption, wholeListOption, wholeOption } from "./option-values.ts";
import { EXPERIMENTS, MNIST_IMAGES, type StreamExperiment } from "./streams/experiments.ts";
import {
  accuracyFigure,
  detailTable,
  overviewTable,
  peerTable,
  type StreamResult,
} from "./streams/report.ts";
import { peerReport } from "./streams/peer-check.ts";
import { storedRow, storeRow } from "./streams/row-folder.ts";
import { type StreamRow, StreamStart } from "./streams/row.ts";
import type { NamedStrategy } from "./streams/strategies.ts";
import { summariesOf } from "./streams/summary.ts";
import { withSettings } from "./with-settings.ts";

const DATA = process.env["EVERFRESH_DATA"] ?? "../shared/data";
const OUT = ".everfresh/bench-streams";

/** What --experiment takes, and which experiments that is. */
const CHOICES: Readonly<Record<string, readonly string[]>> = {
  "mnist-rotation": ["mnist-rotation-abrupt", "mnist-rotation-gradual"],
  "mnist-rotation-abrupt": ["mnist-rotation-abrupt"],
  "mnist-rotation-gradual": ["mnist-rotation-gradual"],
  elec2: ["elec2"],
  noaa: ["noaa"],
  sea: ["sea"],
  tabular: ["elec2", "noaa", "sea"],
  unseen: ["bike", "insects", "outdoor"],
};

const USAGE = `Usage: npm run bench -- streams [options]

Runs strategies and samplers on streams that drift: each sample is predicted first, scored when its
label comes, and learned from then on. Rows that --out has already are not measured again.

  --experiment NAME  one of ${Object.keys(CHOICES).join(", ")};
                     unseen are streams that no sampler was chosen by (default: all others)
  --lag N            only with labels so many samples late (default: 0 and 500; 0 for MNIST)
  --seeds LIST       seeds between commas (default 1,2,3,4,5; 1,2,3 for MNIST)
  --strategies LIST  only these, by the names of their rows, such as uniform,window-1000
  --scale F          multiplies all numbers of samples (default 1)
  --images N         of MNIST, with those before the stream (default ${MNIST_IMAGES})
  --out FOLDER       where rows are kept (default ${OUT})
  --figures FOLDER   also writes curves as SVG
  --data FOLDER      where mnist and drift-streams are (default ${DATA})
  --check            instead of that: frozen, online, uniform and a window of one seed beside PyTorch
                     (EVERFRESH_PYTHON, /opt/peers/bin/python or python3), the baselines beside
                     River's (EVERFRESH_RIVER_PYTHON, /opt/river/bin/python or python3); not MNIST
  --json             one JSON document instead of tables
  --help             this text`;

const OPTIONS = {
  experiment: { type: "string" },
  lag: { type: "string" },
  seeds: { type: "string" },
  strategies: { type: "string" },
  scale: { type: "string", default: "1" },
  images: { type: "string", default: String(MNIST_IMAGES) },
  out: { type: "string", default: OUT },
  figures: { type: "string" },
  data: { type: "string", default: DATA },
  check: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

/** Curves of a figure: more cannot be told apart. */
const SHOWN = {
  tabular: ["frozen", "online", "retraining-5000", "uniform", "window-1000", "half-life-500"],
  images: ["frozen", "online", "uniform", "window-1000", "half-life-500", "reference"],
};

interface Settings {
  readonly experiments: readonly string[];
  readonly lag: number | undefined;
  readonly seeds: readonly number[] | undefined;
  readonly strategies: readonly string[] | undefined;
  readonly scale: number;
  readonly images: number;
  readonly out: string;
  readonly figures: string | undefined;
  readonly data: string;
  readonly check: boolean;
  readonly json: boolean;
}

/** The command `streams`; returns the exit status. */
export function streams(args: readonly string[]): Promise<number> {
  return withSettings(args, { usage: USAGE, parse }, async (settings) => {
    if (settings.check) return check(settings);
    const results: StreamResult[] = [];
    for (const name of settings.experiments) {
      results.push(...(await measured(name, experimentOf(name), settings)));
    }
    if (settings.figures !== undefined) writeFigures(settings.figures, results);
    console.log(settings.json ? json(results) : tables(results));
    return 0;
  });
}

function parse(args: readonly string[]): Settings | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false });
  if (values.help) return "help";
  return {
    experiments: experimentsOf(values.experiment),
    lag: values.lag === undefined ? undefined : lagOption(values.lag),
    seeds: values.seeds === undefined ? undefined : wholeListOption("seeds", values.seeds),
    strategies: values.strategies?.split(","),
    scale: positiveOption("scale", values.scale),
    images: wholeOption("images", values.images),
    out: values.out,
    figures: values.figures,
    data: values.data,
    check: values.check,
    json: values.json,
  };
}

function experimentsOf(text: string | undefined): readonly string[] {
  if (text === undefined) return Object.keys(EXPERIMENTS).filter((name) => !isUnseen(name));
  return CHOICES[choiceOption("experiment", text, Object.keys(CHOICES))] ?? [];
}

function isUnseen(name: string): boolean {
  return CHOICES["unseen"]?.includes(name) ?? false;
}

/** What PyTorch and River know as well. */
const CHECKED = ["frozen", "online", "uniform", "window-1000"];

/** Prints our rows beside those of the peers; returns the exit status. */
async function check({ experiments, seeds = [1], lag, scale, data }: Settings): Promise<number> {
  for (const name of experiments) {
    const experiment = experimentOf(name);
    // The peers' network is one for numbers.
    if (experiment.drift !== undefined) continue;
    const lags = lag === undefined ? experiment.lags : [lag];
    const strategies = experiment.strategies.filter((each) => CHECKED.includes(each.name));
    for (const seed of seeds) {
      const opened = await experiment.open({ data, seed, scale, isReference: false });
      await using start = await StreamStart.of(opened, experiment, seed);
      const report = await peerReport(opened, start, { experiment, seed, lags, strategies });
      if (report.torch === null && report.river === null) {
        console.error("No Python with PyTorch or River found (set EVERFRESH_PYTHON).");
        return 1;
      }
      console.log(`${peerTable(experiment, seed, report)}\n`);
    }
  }
  return 0;
}

function lagOption(text: string): number {
  return text === "0" ? 0 : wholeOption("lag", text);
}

function experimentOf(name: string): StreamExperiment {
  const experiment = EXPERIMENTS[name];
  if (experiment === undefined) throw new Error(`No experiment "${name}"`);
  return experiment;
}

/** All rows of an experiment, those that are stored and those that are missing. */
async function measured(
  name: string,
  experiment: StreamExperiment,
  settings: Settings,
): Promise<readonly StreamResult[]> {
  const { seeds = experiment.seeds, lag, strategies } = settings;
  const lags = lag === undefined ? experiment.lags : [lag];
  const chosen = experiment.strategies.filter(
    (each) => strategies === undefined || strategies.includes(each.name),
  );
  const progress = new Progress(name, seeds.length * lags.length * chosen.length);
  const rows: StreamRow[] = [];
  for (const seed of seeds) {
    for (const isReference of [true, false]) {
      const group = chosen.filter((each) => (each.isReference ?? false) === isReference);
      const keys = lags.flatMap((late) => group.map((strategy) => ({ lag: late, strategy })));
      rows.push(
        ...(await seedRows({ name, experiment, seed, isReference, keys }, settings, progress)),
      );
    }
  }
  return lags.map((late) => {
    const own = rows.filter((row) => row.lag === late);
    return { name, experiment, lag: late, rows: own, summaries: summariesOf(experiment, own) };
  });
}

/** Rows that start from the same initial training. */
interface RowGroup {
  readonly name: string;
  readonly experiment: StreamExperiment;
  readonly seed: number;
  readonly isReference: boolean;
  readonly keys: readonly { readonly lag: number; readonly strategy: NamedStrategy }[];
}

async function seedRows(
  { name, experiment, seed, isReference, keys }: RowGroup,
  { out, data, scale, images }: Settings,
  progress: Progress,
): Promise<readonly StreamRow[]> {
  const [all, known] = [images, experiment.initialSamples].map((size) => Math.round(scale * size));
  const length = experiment.drift === undefined ? {} : { samples: (all ?? 0) - (known ?? 0) };
  const rows: StreamRow[] = [];
  let start: StreamStart | null = null;
  for (const { lag, strategy } of keys) {
    const key = { experiment: name, lag, seed, strategy: strategy.name, scale, ...length };
    let row = storedRow(out, key);
    if (row === null) {
      start ??= await StreamStart.of(
        await experiment.open({ data, seed, scale, isReference, images }),
        experiment,
        seed,
      );
      const { curveEvery } = experiment;
      row = { ...key, ...(await start.run(strategy, { lag, seed, curveEvery })).row };
      storeRow(out, row);
      progress.measured(row);
    } else progress.stored();
    rows.push(row);
  }
  await start?.[Symbol.asyncDispose]();
  return rows;
}

/** Says on the error output how far an experiment is. */
class Progress {
  readonly #name: string;
  readonly #all: number;
  readonly #startMs: number = performance.now();
  #done = 0;
  #measured = 0;

  constructor(name: string, all: number) {
    this.#name = name;
    this.#all = all;
  }

  stored(): void {
    this.#done++;
  }

  measured({ lag, seed, strategy, accuracy }: StreamRow): void {
    this.#done++;
    this.#measured++;
    const seconds = (performance.now() - this.#startMs) / 1_000;
    const left = ((this.#all - this.#done) * seconds) / this.#measured;
    console.error(
      `${this.#name}, lag ${lag}, seed ${seed}, ${strategy}: ${(100 * accuracy).toFixed(2)} % ` +
        `(${this.#done} of ${this.#all}, ${Math.ceil(left / 60)} min left)`,
    );
  }
}

function tables(results: readonly StreamResult[]): string {
  const tabular = results.filter(({ experiment }) => experiment.drift === undefined);
  const overview = tabular.length > 1 ? [overviewTable(tabular)] : [];
  return [...overview, ...results.map(detailTable)].join("\n\n");
}

function writeFigures(folder: string, results: readonly StreamResult[]): void {
  mkdirSync(folder, { recursive: true });
  for (const result of results) {
    const shown = result.experiment.drift === undefined ? SHOWN.tabular : SHOWN.images;
    const file = `streams-${result.name}${result.lag === 0 ? "" : `-lag-${result.lag}`}.svg`;
    writeFileSync(path.join(folder, file), accuracyFigure(result, shown));
  }
}

function json(results: readonly StreamResult[]): string {
  return JSON.stringify(
    results.map(({ name, lag, rows, summaries }) => ({ experiment: name, lag, summaries, rows })),
  );
}
