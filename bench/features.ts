/**
 * The cache of features in training, against the formulas of Derakhshan et al. (EDBT 2019): the share of
 * drawn samples whose features were still there, and how many of these had to be made anew since the
 * statistics of preprocessing had moved.
 */
import { parseArgs } from "node:util";
import {
  encodeRow,
  type FeatureStatistics,
  pipeline,
  preprocessorOf,
  Random,
  type RowColumn,
  type Sample,
  systemClock,
} from "@everfresh/core";
import {
  batchReader,
  proactive,
  samplesAfter,
  type SamplerSpec,
  strategyOf,
} from "@everfresh/learn";
import {
  type History,
  memoryHistory,
  uniformUtilisation,
  windowUtilisation,
} from "@everfresh/streams";
import { wholeOption } from "./option-values.ts";
import { withSettings } from "./with-settings.ts";

const USAGE = `Usage: npm run bench -- features [options]

Trains on nothing, but draws, reads and preprocesses as proactive training does, over a stream of rows
of numbers and categories: what share of the drawn samples is in the cache of features, when this has
room for a part of all samples, beside what the formulas of the EDBT paper say.

  --samples N     samples of the stream (default 12,000)
  --window N      samples that the window sampler draws from (default 6,000)
  --batch N       samples per step, b (default 128)
  --trigger N     new samples per step, t (default 8)
  --json          one JSON document
  --help          this text`;

const OPTIONS = {
  samples: { type: "string", default: "12000" },
  window: { type: "string", default: "6000" },
  batch: { type: "string", default: "128" },
  trigger: { type: "string", default: "8" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

/** Parts of all samples that have room: those of the paper's figure, and none. */
const SHARES = [0, 0.2, 0.4, 0.6, 1];

/** Half of what would do, the default, and never. */
const TOLERANCES = [0, 0.01, 0.1];

/** What a cached sample takes beside its numbers, in bytes. */
const OVERHEAD_BYTES = 16;

const NUMBERS = ["a", "b", "c", "d", "e", "f", "g", "h"];
const COLUMNS: readonly RowColumn[] = [
  ...NUMBERS.map((name) => ({ name, kind: "number" as const })),
  { name: "place", kind: "text", bytesMax: 16 },
];
const PREPROCESSOR = preprocessorOf(
  pipeline({
    raw: { kind: "row", columns: COLUMNS },
    branches: [
      { columns: NUMBERS, steps: [{ kind: "impute", with: "mean" }, { kind: "standardise" }] },
      { columns: ["place"], encoder: { kind: "hashed", size: 16 } },
    ],
  }),
);
const INPUTS = NUMBERS.length + 16;

interface Options {
  readonly samples: number;
  readonly window: number;
  readonly batch: number;
  readonly trigger: number;
}

interface Row {
  readonly sampler: string;
  /** Part of all samples whose features have room. */
  readonly share: number;
  readonly tolerance: number;
  /** Share of drawn samples that were cached, μ; measured, and by the formula. */
  readonly measured: number;
  readonly formula: number;
  /** Share of drawn samples whose features were cached, but made anew. */
  readonly stale: number;
  /** Mean time to read and preprocess a batch. */
  readonly readMs: number;
}

/** The command `features`; returns the exit status: 1 where a formula is missed by more than 0.02. */
export function features(args: readonly string[]): Promise<number> {
  return withSettings(args, { usage: USAGE, parse }, async ({ json, ...options }) => {
    const stream = rowsOf(options.samples);
    const samplers: Readonly<Record<string, SamplerSpec>> = {
      uniform: { kind: "uniform" },
      window: { kind: "window", samples: options.window },
    };
    const rows: Row[] = [];
    for (const [sampler, spec] of Object.entries(samplers)) {
      for (const share of SHARES) {
        rows.push(await measured(stream, options, { sampler, spec, share, tolerance: 0.01 }));
      }
    }
    for (const tolerance of TOLERANCES.filter((value) => value !== 0.01)) {
      const spec: SamplerSpec = { kind: "uniform" };
      rows.push(await measured(stream, options, { sampler: "uniform", spec, share: 1, tolerance }));
    }
    if (json) console.log(JSON.stringify({ ...options, rows }));
    else print(options, rows);
    return rows.every(({ measured: mu, formula }) => Math.abs(mu - formula) <= 0.02) ? 0 : 1;
  });
}

function parse(args: readonly string[]): (Options & { readonly json: boolean }) | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false });
  if (values.help) return "help";
  return {
    samples: wholeOption("samples", values.samples),
    window: wholeOption("window", values.window),
    batch: wholeOption("batch", values.batch),
    trigger: wholeOption("trigger", values.trigger),
    json: values.json,
  };
}

/** Rows whose numbers have ranges of their own, one in 20 missing. */
function rowsOf(count: number): readonly Sample[] {
  const random = new Random(3);
  return Array.from({ length: count }, (_, n) => {
    const numbers = NUMBERS.map((_name, i) =>
      random.below(20) === 0 ? null : 10 ** i * (5 + random.normal()),
    );
    const features = encodeRow(COLUMNS, [...numbers, `place ${random.below(30)}`]);
    return { id: `${n}`, eventTimeMs: n, features, label: 0 };
  });
}

/** One run over the stream: as the training loop does, but without a step. */
async function measured(
  stream: readonly Sample[],
  { samples, window, batch, trigger }: Options,
  cache: {
    readonly sampler: string;
    readonly spec: SamplerSpec;
    readonly share: number;
    readonly tolerance: number;
  },
): Promise<Row> {
  const { sampler, spec, share, tolerance } = cache;
  const history: History = memoryHistory();
  const room = Math.round(share * samples);
  const batches = batchReader(history, PREPROCESSOR, {
    ...{ cacheBytesMax: room * (4 * INPUTS + OVERHEAD_BYTES), tolerance, seed: 1 },
  });
  const strategy = strategyOf(
    proactive({ triggerSize: trigger, batchSize: batch, sampler: spec }),
    { seed: 1, clock: systemClock, history, past: 0 },
  );
  let statistics: FeatureStatistics = PREPROCESSOR.initial();
  let [readMs, steps] = [0, 0];
  for (let at = 0; at + trigger <= samples; at += trigger) {
    const fresh = stream.slice(at, at + trigger);
    await history.append(fresh);
    strategy.on({ kind: "arrived", samples: trigger });
    const iteration = await strategy.next();
    if (iteration?.kind !== "step") throw new Error("a step is due when its samples are there");
    statistics = PREPROCESSOR.observe(
      statistics,
      fresh.map((sample) => sample.features),
    );
    batches.follow(statistics);
    const startedMs = performance.now();
    await batches.read(iteration.positions, { past: iteration.past });
    readMs += performance.now() - startedMs;
    steps++;
    batches.performed(iteration.positions.length);
    strategy.on({ kind: "ended", samples: samplesAfter(iteration), durationMs: 1 });
  }
  const { utilisation, asked, stale } = batches.use;
  const formula =
    spec.kind === "window"
      ? windowUtilisation(room, samples, window)
      : uniformUtilisation(room, samples);
  return {
    ...{ sampler, share, tolerance, measured: utilisation, formula },
    ...{ stale: stale / asked, readMs: readMs / steps },
  };
}

function print({ samples, window, batch, trigger }: Options, rows: readonly Row[]): void {
  console.log(
    `${samples} samples, a window of ${window}, b = ${batch}, t = ${trigger}; the newest m of N cached\n`,
  );
  console.log(
    "| sampler | m / N | tolerance | μ measured | μ by the formula | difference | made anew | a batch, ms |",
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- | --- |");
  for (const row of rows) {
    console.log(
      `| ${row.sampler} | ${row.share} | ${row.tolerance} | ${row.measured.toFixed(3)} | ` +
        `${row.formula.toFixed(3)} | ${(row.measured - row.formula).toFixed(3)} | ` +
        `${(100 * row.stale).toFixed(1)} % | ${row.readMs.toFixed(2)} |`,
    );
  }
}
