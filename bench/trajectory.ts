/**
 * Whether training goes where PyTorch's goes: the losses of every step beside PyTorch's, measured
 * against how far PyTorch's own memory formats go apart, and single steps from PyTorch's own states.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { dataOf, type ModelState } from "@everfresh/core";
import { adam, type Model, openTrainingSession, sgd, type TrainingBatch } from "@everfresh/engine";
import {
  noTorch,
  openTorchReference,
  type TorchReference,
  withoutDropout,
} from "./peers/torch-reference.ts";
import { type TorchFormat, torchFormats } from "./peers/torch.ts";
import {
  type OptimizerName,
  randomBatch,
  type Workload,
  workloadOf,
  WORKLOADS,
} from "./workloads.ts";
import { wholeOption } from "./option-values.ts";
import { withSettings } from "./with-settings.ts";

const OPTIONS = {
  model: { type: "string", default: "resnet20" },
  batch: { type: "string", default: "32" },
  steps: { type: "string", default: "100" },
  optimizer: { type: "string", default: "sgd" },
  "learning-rate": { type: "string" },
  seed: { type: "string", default: "1" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

/** By the learning rate; PyTorch has the same. */
const OPTIMIZERS = {
  sgd: (learningRate: number) => sgd({ learningRate, momentum: 0.9 }),
  adam: (learningRate: number) => adam({ learningRate }),
};

/** Usual ones for networks that start from random weights. */
const LEARNING_RATES = { sgd: 0.02, adam: 1e-3 };

const USAGE = `Usage: npm run bench -- trajectory [options]

Trains from the same weights on the same batches as PyTorch, in one session with BatchNorm over whole
batches, and compares the losses. Where a ReLU or a pool decides otherwise by a last bit, in ours or in
PyTorch's, errors grow from there on: look at several seeds. Needs PyTorch (EVERFRESH_PYTHON, /opt/peers/bin/python or python3).

  --model NAME      ${Object.keys(WORKLOADS).join(", ")} (default resnet20)
  --batch N         samples per step (default 32)
  --steps N         steps of training (default 100)
  --optimizer NAME  sgd (momentum 0.9) or adam (default sgd)
  --learning-rate R (default ${LEARNING_RATES.sgd} for sgd, ${LEARNING_RATES.adam} for adam)
  --seed N          which random batches (default 1)
  --json            one JSON document instead of the table
  --help            this text`;

/** Training goes through so many batches in turn. */
const BATCHES = 8;

/** Into so many parts the kept states cut the training. */
const RESTARTS = 4;

/** Steps from each of PyTorch's states: enough for momentum to count. */
const RESTART_STEPS = 3;

interface Settings {
  readonly model: string;
  readonly workload: Workload;
  readonly batch: number;
  readonly steps: number;
  readonly optimizer: OptimizerName;
  readonly learningRate: number;
  readonly seed: number;
  readonly json: boolean;
}

/** How far two trainings are apart: |loss − loss| over the steps. */
interface Distance {
  readonly mean: number;
  readonly largest: number;
}

/** PyTorch beside itself. */
interface Peer extends Distance {
  readonly name: string;
  /** Our distance over this one: at most 2 where ours is as close as PyTorch is to itself. */
  readonly ratio: Distance;
}

interface Report {
  readonly model: string;
  readonly batch: number;
  readonly steps: number;
  readonly optimizer: OptimizerName;
  readonly learningRate: number;
  readonly torch: string;
  readonly firstLoss: number;
  readonly lastLoss: number;
  /** Ours from PyTorch's first format. */
  readonly ours: Distance;
  /** From that format as well: PyTorch's second format, where images have one, and its float64. */
  readonly peers: readonly Peer[];
  /** The largest |loss / PyTorch's loss − 1| over some steps from each of PyTorch's own states. */
  readonly singleSteps: number;
}

/** The command `trajectory`; returns the exit status. */
export function trajectory(args: readonly string[]): Promise<number> {
  return withSettings(args, { usage: USAGE, parse }, async (settings) => {
    const report = await measure(settings);
    if (report === null) return noTorch();
    console.log(settings.json ? JSON.stringify(report) : table(report));
    return 0;
  });
}

function parse(args: readonly string[]): Settings | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false });
  if (values.help) return "help";
  const { model, optimizer, json } = values;
  if (optimizer !== "sgd" && optimizer !== "adam") {
    throw new Error(`No optimizer "${optimizer}"; there is sgd, adam`);
  }
  const batch = wholeOption("batch", values.batch);
  const steps = wholeOption("steps", values.steps);
  const learningRate = Number(values["learning-rate"] ?? LEARNING_RATES[optimizer]);
  if (!(learningRate > 0)) throw new Error("--learning-rate needs a number above 0");
  const seed = wholeOption("seed", values.seed);
  return { model, workload: workloadOf(model), batch, steps, optimizer, learningRate, seed, json };
}

async function measure(settings: Settings): Promise<Report | null> {
  const { workload, batch, steps, optimizer, learningRate, seed } = settings;
  const model = withoutDropout(workload.model());
  const batches = Array.from({ length: BATCHES }, (_, i) =>
    randomBatch(workload, batch, seed * BATCHES + i),
  );
  await using torch = await openTorchReference(workload, model, batches);
  if (torch === null) return null;
  const [format = "NCHW", other] = torchFormats(workload.sampleShape);
  const keep = Array.from({ length: RESTARTS }, (_, i) => Math.floor((i * steps) / RESTARTS));
  const how = { optimizer, learningRate };
  const single = { dtype: "float32", format, ...how } as const;
  const theirs = await torch.train({ ...single, steps, keep });
  const losses = await train(model, batches, { ...how, steps, from: 0 });
  const ours = distance(losses, theirs);
  const others = [
    ...(other === undefined ? [] : [{ name: other, how: { ...single, format: other } }]),
    { name: "float64", how: { ...single, dtype: "float64" as const } },
  ];
  const peers: Peer[] = [];
  for (const { name, how: otherwise } of others) {
    const apart = distance(await torch.train({ ...otherwise, steps }), theirs);
    const ratio = { mean: ours.mean / apart.mean, largest: ours.largest / apart.largest };
    peers.push({ name, ...apart, ratio });
  }
  return {
    model: settings.model,
    batch,
    steps,
    ...how,
    torch: torch.version,
    firstLoss: theirs[0] ?? NaN,
    lastLoss: theirs.at(-1) ?? NaN,
    ours,
    peers,
    singleSteps: await singleSteps(torch, { ...how, model, batches, format, keep }),
  };
}

/** From each kept state, with a new optimizer on both sides. */
async function singleSteps(
  torch: TorchReference,
  {
    model,
    batches,
    format,
    keep,
    ...how
  }: Pick<Settings, "optimizer" | "learningRate"> & {
    readonly model: Model;
    readonly batches: readonly TrainingBatch[];
    readonly format: TorchFormat;
    readonly keep: readonly number[];
  },
): Promise<number> {
  let largest = 0;
  for (const from of keep) {
    const steps = RESTART_STEPS;
    const theirs = await torch.train({ dtype: "float32", format, ...how, steps, from });
    const options = { ...how, steps, from, start: torch.kept(from) };
    const ours = await train(model, batches, options);
    ours.forEach((loss, i) => {
      largest = Math.max(largest, Math.abs(loss / (theirs[i] ?? NaN) - 1));
    });
  }
  return largest;
}

async function train(
  model: Model,
  batches: readonly TrainingBatch[],
  {
    optimizer,
    learningRate,
    steps,
    from,
    start,
  }: Pick<Settings, "optimizer" | "learningRate"> & {
    readonly steps: number;
    readonly from: number;
    readonly start?: Float32Array;
  },
): Promise<readonly number[]> {
  const [first] = batches;
  if (first === undefined) throw new Error("no batch");
  await using session = await openTrainingSession(model, {
    optimizer: OPTIMIZERS[optimizer](learningRate),
    batchSize: first.size,
    plan: { batchNorm: "exact", workers: 1, threadsPerWorker: availableParallelism() },
  });
  if (start !== undefined) fill(session.state, start);
  const losses: number[] = [];
  for (let step = from; step < from + steps; step++) {
    losses.push((await session.step(batches[step % batches.length] ?? first)).loss);
  }
  return losses;
}

function fill(state: ModelState, values: Float32Array): void {
  let start = 0;
  for (const entry of state.layout.tensors) {
    const data = dataOf(state, entry);
    if (data instanceof Float32Array) data.set(values.subarray(start, (start += entry.length)));
  }
}

function distance(a: readonly number[], b: readonly number[]): Distance {
  const apart = a.map((value, i) => Math.abs(value - (b[i] ?? NaN)));
  const mean = apart.reduce((total, value) => total + value, 0) / apart.length;
  return { mean, largest: Math.max(...apart) };
}

function table({ model, batch, steps, optimizer, learningRate, torch, ...report }: Report): string {
  const line = (name: string, { mean, largest }: Distance): string =>
    `  ${name.padEnd(34)} ${mean.toExponential(1)}  ${largest.toExponential(1)}`;
  const { ours, peers, firstLoss, lastLoss, singleSteps: single } = report;
  return [
    `${steps} steps of ${model}, batch ${batch}, ${optimizer} ${learningRate}, PyTorch ${torch}:`,
    `  loss from ${firstLoss.toFixed(4)} to ${lastLoss.toFixed(4)}`,
    `  ${"|difference of losses|".padEnd(34)} mean     largest`,
    line("everfresh - torch", ours),
    ...peers.flatMap(({ name, ratio, ...apart }) => [
      line(`torch ${name} - torch`, apart),
      `  ${"  everfresh's over that".padEnd(34)} ${ratio.mean.toFixed(2).padEnd(7)}  ${ratio.largest.toFixed(2)}`,
    ]),
    `  single steps from PyTorch's states: ${single.toExponential(1)} of the loss at most`,
  ].join("\n");
}
