/**
 * What updates weigh: for each model one training run, followed by a deployed copy for every ratio
 * and value type, all in the same process; every byte of an update counted, against the dense state,
 * against general compressors and against what entropy asks for.
 */
import { parseArgs } from "node:util";
import { BUFFERS_EVERY_DEFAULT } from "@everfresh/learn";
import { choiceOption, positiveOption, wholeOption } from "./option-values.ts";
import { rowsOf, type WireRow } from "./sync/model-rows.ts";
import { stages, table as stagesTable } from "./sync/stages.ts";
import { MANIFEST_UPDATES, VALUE_TYPES, type ValuesName } from "./sync/wire-arithmetic.ts";
import { withSettings } from "./with-settings.ts";

interface Run {
  readonly batch: number;
  readonly steps: number;
  readonly settling: number;
}

/** How long each model is trained: the more a step takes, the fewer there are. */
const RUNS = {
  lenet5: { batch: 128, steps: 300, settling: 50 },
  mobilenetV2: { batch: 128, steps: 24, settling: 6 },
  resnet18: { batch: 128, steps: 24, settling: 6 },
  resnet50: { batch: 64, steps: 16, settling: 4 },
  densenet161: { batch: 32, steps: 16, settling: 4 },
} as const satisfies Readonly<Record<string, Run>>;

type ModelName = keyof typeof RUNS;

const MODELS = Object.keys(RUNS) as ModelName[];
const VALUES = Object.keys(VALUE_TYPES) as ValuesName[];
const RATIOS = [0.01, 0.001, 0.0001];
const DATA = process.env["EVERFRESH_DATA"] ?? "../shared/data";

/** Share of the parameters that may change between two updates with buffers, where M is not given. */
const CHANGED_BETWEEN_BUFFERS = 0.01;

const USAGE = `Usage: npm run bench -- sync [options]

Trains each model on CIFAR-10 (LeNet-5: MNIST) with Adam, lets deployed copies follow by top-k updates
and weighs those: bytes are means over the updates, times medians, each of one call on one core.
Everything on the wire counts: the WebSocket message of the update with header, fingerprints, event
time and checksum; BatchNorm statistics as estimated under a copy, M updates after it got others,
divided by M, and the first ones, like the manifest, by ${MANIFEST_UPDATES}. Not the state that a replica gets when it joins, nor TCP.

  --model NAME         ${MODELS.join(", ")} (default: all)
  --ratio R            share of the parameters in an update (default ${RATIOS.join(", ")})
  --values TYPE        ${VALUES.join(", ")} (default: all)
  --buffers-every M    updates from one with buffers to the next (default ${BUFFERS_EVERY_DEFAULT}, or more where
                       fewer than ${100 * CHANGED_BETWEEN_BUFFERS} % of the parameters change in that many)
  --steps N            steps, with one update each (default by model); the first quarter settles, and
                       training goes on until copies have got new statistics
  --batch N            samples per step (default by model)
  --stages             instead: where the time of an update goes (ResNet-18 by default, 0.1 %), beside a
                       plain read of both states, and what it adds to a training step
  --data DIRECTORY     where cifar-10 and mnist are (default ${DATA})
  --json               one JSON document: a case { model, parameters, entriesSent, ratio, values,
                       updateBytesMean, denseBytes, reductionParameters, reductionAll, buffersEvery,
                       entropyBoundBytes, selectMs, encodeMs, decodeMs, applyMs }, or a list of them
  --help               this text`;

const OPTIONS = {
  model: { type: "string" },
  ratio: { type: "string" },
  values: { type: "string" },
  "buffers-every": { type: "string" },
  steps: { type: "string" },
  batch: { type: "string" },
  stages: { type: "boolean", default: false },
  data: { type: "string", default: DATA },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

interface Settings {
  readonly models: readonly ModelName[];
  readonly ratios: readonly number[];
  readonly values: readonly ValuesName[];
  readonly buffersEvery: (ratio: number) => number;
  readonly steps: number | undefined;
  readonly batch: number | undefined;
  readonly stages: boolean;
  readonly folder: string;
  readonly json: boolean;
}

/** The command `sync`; returns the exit status. */
export function sync(args: readonly string[]): Promise<number> {
  return withSettings(args, { usage: USAGE, parse }, async (settings) => {
    if (settings.stages) {
      const report = await stages(stagesSettings(settings));
      console.log(settings.json ? JSON.stringify(report) : stagesTable(report));
      return 0;
    }
    const rows = await measure(settings);
    const cases = rows.map(({ wire }) => wire);
    if (settings.json) console.log(JSON.stringify(cases.length === 1 ? cases[0] : cases));
    else console.log(table(rows));
    return 0;
  });
}

function parse(args: readonly string[]): Settings | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false });
  if (values.help) return "help";
  const maybe = <T>(text: string | undefined, read: (text: string) => T): T | undefined =>
    text === undefined ? undefined : read(text);
  const model = maybe(values.model, (text) => choiceOption("model", text, MODELS));
  const ratio = maybe(values.ratio, (text) => positiveOption("ratio", text));
  if (ratio !== undefined && ratio > 1) throw new Error(`--ratio is at most 1, got "${ratio}"`);
  const type = maybe(values.values, (text) => choiceOption("values", text, VALUES));
  const every = maybe(values["buffers-every"], (text) => wholeOption("buffers-every", text));
  return {
    models: model === undefined ? (values.stages ? ["resnet18"] : MODELS) : [model],
    ratios: ratio === undefined ? (values.stages ? [0.001] : RATIOS) : [ratio],
    values: type === undefined ? VALUES : [type],
    buffersEvery: (share) => every ?? buffersEveryFor(share),
    steps: maybe(values.steps, (text) => wholeOption("steps", text)),
    batch: maybe(values.batch, (text) => wholeOption("batch", text)),
    stages: values.stages,
    folder: values.data,
    json: values.json,
  };
}

function buffersEveryFor(ratio: number): number {
  return Math.max(BUFFERS_EVERY_DEFAULT, Math.round(CHANGED_BETWEEN_BUFFERS / ratio));
}

function stagesSettings(settings: Settings): Parameters<typeof stages>[0] {
  const { models, ratios, values, steps, folder } = settings;
  const [model = "resnet18"] = models;
  const { batch = RUNS[model].batch } = settings;
  return { model, ratio: ratios[0] ?? 0.001, values, steps: steps ?? 12, batch, folder };
}

async function measure(settings: Settings): Promise<readonly WireRow[]> {
  const rows: WireRow[] = [];
  for (const model of settings.models) {
    const run: Run = RUNS[model];
    const { steps = run.steps, batch = run.batch } = settings;
    const settling = settings.steps === undefined ? run.settling : Math.floor(steps / 4);
    const startMs = performance.now();
    const { ratios, values, buffersEvery, folder } = settings;
    const onStep = (step: number, last: number): void => {
      if (step % Math.ceil(last / 20) === 0) tellProgress(model, step, last, startMs);
    };
    const onData = (name: string): void => {
      console.error(`${model}: ${steps} steps of ${batch} samples, ${name}`);
    };
    const shape = { model, batch, steps, settling, ratios, values, folder };
    rows.push(...(await rowsOf({ ...shape, buffersEvery, onStep, onData })));
  }
  return rows;
}

function tellProgress(model: string, step: number, steps: number, startMs: number): void {
  const leftSeconds = (((performance.now() - startMs) / step) * (steps - step)) / 1_000;
  const left = `${Math.floor(leftSeconds / 60)} min ${Math.round(leftSeconds % 60)} s left`;
  console.error(`${model}: step ${step} of ${steps}, ${left}`);
}

const COLUMNS = [
  ...["model", "ratio", "values", "entries", "update", "buffers", "manifest", "reduction"],
  ...["of parameters", "of gzip", "of zstd", "body/bound"],
  ...["select", "encode", "decode", "apply, ms"],
];

function table(rows: readonly WireRow[]): string {
  const lines = rows.map(({ wire, parts, gzipBytes, zstdBytes }) => [
    ...[wire.model, `${100 * wire.ratio} %`, wire.values, wire.entriesSent.toFixed(0)],
    ...[parts.update.toFixed(0), `${parts.buffers.toFixed(0)} (M=${wire.buffersEvery})`],
    ...[parts.manifest.toFixed(0), times(wire.reductionAll), times(wire.reductionParameters)],
    ...[(gzipBytes / parts.update).toFixed(2), (zstdBytes / parts.update).toFixed(2)],
    (parts.body / wire.entropyBoundBytes).toFixed(3),
    ...[wire.selectMs, wire.encodeMs, wire.decodeMs, wire.applyMs].map((ms) => ms.toFixed(2)),
  ]);
  const widths = COLUMNS.map((title, i) =>
    Math.max(title.length, ...lines.map((line) => line[i]?.length ?? 0)),
  );
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  return [
    "Bytes of an update: message, share of the buffers, share of the manifest. Reduction: dense state",
    "over their sum; of parameters: dense parameters over the message. Of gzip, of zstd: int32 and",
    "float32 pairs so compressed over the message.",
    row(COLUMNS),
    row(widths.map((width) => "-".repeat(width))),
    ...lines.map(row),
  ].join("\n");
}

function times(ratio: number): string {
  return `${ratio.toFixed(0)} x`;
}
