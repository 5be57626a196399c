/**
 * Time of one full training step (forward, backward, optimizer) in Everfresh and in PyTorch, measured
 * in turns within one run, so that both meet the same machine in the same mood.
 */
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { openTrainingSession, type TrainingBatch, type TrainingSession } from "@everfresh/engine";
import { openTorch, type TorchFormat, torchFormats, type TorchPeer } from "./peers/torch.ts";
import { median } from "./statistics.ts";
import {
  OPTIMIZERS,
  type OptimizerName,
  randomBatch,
  type Workload,
  workloadOf,
  WORKLOADS,
} from "./workloads.ts";
import { withSettings } from "./with-settings.ts";

const USAGE = `Usage: npm run bench -- train [options]

Times a full training step: forward, backward, optimizer. Prints the median of all rounds' medians.

  --model NAME      ${Object.keys(WORKLOADS).join(", ")} (default lenet5)
  --batch N         samples per step (default: the model's own)
  --optimizer NAME  ${Object.keys(OPTIMIZERS).join(" or ")}, the same on both sides (default sgd)
  --workers N       worker threads of Everfresh (default: its own)
  --batch-norm MODE for models that have it: shard (statistics per worker), exact (of the whole
                    batch) or both (default both; the faster one counts as ours)
  --peer torch      PyTorch in turns with ours, on all cores, in both memory formats; the faster
                    counts. Python is EVERFRESH_PYTHON, /opt/peers/bin/python or python3
  --rounds N        rounds of each side (default: by model)
  --steps N         timed steps per round (default: by model)
  --json            one JSON document instead of the table
  --help            this text`;

const OPTIONS = {
  model: { type: "string", default: "lenet5" },
  batch: { type: "string" },
  optimizer: { type: "string", default: "sgd" },
  workers: { type: "string" },
  "batch-norm": { type: "string", default: "both" },
  peer: { type: "string" },
  rounds: { type: "string" },
  steps: { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

interface Settings {
  readonly model: string;
  readonly workload: Workload;
  readonly batch: number;
  readonly optimizer: OptimizerName;
  readonly workers: number | undefined;
  /** What to fix about BatchNorm: null fixes nothing. */
  readonly batchNorms: readonly (BatchNorm | null)[];
  readonly peer: boolean;
  readonly rounds: number;
  readonly steps: number;
  readonly json: boolean;
}

type BatchNorm = "shard" | "exact";

/** One way in which ours ran. */
interface Ours {
  readonly stepMs: number;
  readonly mode: string;
}

interface Report {
  readonly model: string;
  readonly batch: number;
  readonly optimizer: string;
  /** The fastest of `modes`. */
  readonly ours: Ours;
  readonly modes: readonly (Ours & { readonly ratio: number | null })[];
  readonly peer: {
    readonly name: "torch";
    readonly version: string;
    readonly format: TorchFormat;
    readonly stepMs: number;
  } | null;
  /** Peer's time over ours: above 1 means that ours is faster. */
  readonly ratio: number | null;
}

// PyTorch's threads spin for up to 0.2 s after their work; each side finds the machine at rest.
const REST_MS = 300;

/** The command `train`; returns the exit status. */
export function train(args: readonly string[]): Promise<number> {
  return withSettings(args, { usage: USAGE, parse }, async (settings) => {
    const report = await measure(settings);
    console.log(settings.json ? JSON.stringify(report) : table(report));
    return 0;
  });
}

function parse(args: readonly string[]): Settings | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false });
  if (values.help) return "help";
  const workload = workloadOf(values.model);
  const { optimizer } = values;
  if (optimizer !== "sgd" && optimizer !== "adam") {
    throw new Error(`No optimizer "${optimizer}"; there is ${Object.keys(OPTIMIZERS).join(", ")}`);
  }
  if (values.peer !== undefined && values.peer !== "torch") {
    throw new Error(`No peer "${values.peer}"; there is torch`);
  }
  return {
    model: values.model,
    workload,
    batch: whole("batch", values.batch ?? workload.batch),
    optimizer,
    batchNorms: workload.hasBatchNorm === true ? batchNormsOf(values["batch-norm"]) : [null],
    workers: values.workers === undefined ? undefined : whole("workers", values.workers),
    peer: values.peer !== undefined,
    rounds: whole("rounds", values.rounds ?? workload.rounds),
    steps: whole("steps", values.steps ?? workload.steps),
    json: values.json,
  };
}

function batchNormsOf(mode: string): readonly BatchNorm[] {
  if (mode === "both") return ["shard", "exact"];
  if (mode === "shard" || mode === "exact") return [mode];
  throw new Error(`--batch-norm is shard, exact or both, got "${mode}"`);
}

function whole(name: string, text: string | number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new Error(`--${name} needs a whole number of 1 or more, got "${text}"`);
  }
  return value;
}

async function measure(settings: Settings): Promise<Report> {
  const { workload, batch, rounds, steps } = settings;
  const samples = randomBatch(workload, batch);
  const formats = torchFormats(workload.sampleShape);
  await using opened = new AsyncDisposableStack();
  const ours: { readonly session: TrainingSession; readonly times: number[] }[] = [];
  for (const batchNorm of settings.batchNorms) {
    const session = opened.use(await open(settings, batchNorm));
    ours.push({ session, times: [] });
    await timeOurs(session, samples, workload.warmUpSteps);
  }
  const torch = settings.peer ? opened.use(await openTorch(workload, settings)) : null;
  if (settings.peer && torch === null) {
    console.error("No Python with PyTorch found (set EVERFRESH_PYTHON): timing ours alone.");
  }
  for (const format of formats) await torch?.time(format, workload.warmUpSteps);

  const theirs = new Map<TorchFormat, number[]>(formats.map((format) => [format, []]));
  for (let round = 0; round < rounds; round++) {
    for (const { session, times } of ours) {
      await setTimeout(REST_MS);
      times.push(await timeOurs(session, samples, steps));
    }
    if (torch === null) continue;
    for (const format of formats) {
      await setTimeout(REST_MS);
      theirs.get(format)?.push(await torch.time(format, steps));
    }
  }
  const peer = torch === null ? null : fastest(torch, theirs);
  const modes = ours
    .map(({ session, times }) => {
      const stepMs = median(times);
      const ratio = peer === null ? null : peer.stepMs / stepMs;
      return { stepMs, mode: modeOf(session), ratio };
    })
    .sort((a, b) => a.stepMs - b.stepMs);
  const [best] = modes;
  if (best === undefined) throw new Error("no mode was timed");
  const { stepMs, mode, ratio } = best;
  const { model, optimizer } = settings;
  return { model, batch, optimizer, ours: { stepMs, mode }, modes, peer, ratio };
}

function open(
  { workload, optimizer, batch, workers }: Settings,
  batchNorm: BatchNorm | null,
): Promise<TrainingSession> {
  const plan = {
    ...(workers === undefined ? {} : { workers }),
    ...(batchNorm === null ? {} : { batchNorm }),
  };
  const options = { optimizer: OPTIMIZERS[optimizer], batchSize: batch, plan };
  return openTrainingSession(workload.model(), options);
}

function modeOf({ plan }: TrainingSession): string {
  const { backend, workers, threadsPerWorker, batchNorm } = plan;
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;
  const parts = [backend, `${count(workers, "worker")} of ${count(threadsPerWorker, "thread")}`];
  return [...parts, ...(batchNorm === undefined ? [] : [`${batchNorm} BatchNorm`])].join(", ");
}

async function timeOurs(
  session: TrainingSession,
  batch: TrainingBatch,
  steps: number,
): Promise<number> {
  const times: number[] = [];
  for (let step = 0; step < steps; step++) {
    const startedMs = performance.now();
    await session.step(batch);
    times.push(performance.now() - startedMs);
  }
  return median(times);
}

function fastest(
  torch: TorchPeer,
  times: ReadonlyMap<TorchFormat, readonly number[]>,
): NonNullable<Report["peer"]> {
  const [best] = Array.from(times, ([format, rounds]) => ({ format, stepMs: median(rounds) })).sort(
    (a, b) => a.stepMs - b.stepMs,
  );
  if (best === undefined) throw new Error("no round was timed");
  return { name: "torch", version: torch.version, ...best };
}

function table({ model, batch, optimizer, modes, peer }: Report): string {
  const line = (name: string, stepMs: number, how: string): string =>
    `  ${name.padEnd(12)} ${stepMs.toFixed(2).padStart(8)} ms   ${how}`;
  return [
    `Training step of ${model}, batch ${batch}, ${optimizer}:`,
    ...modes.map(({ stepMs, mode, ratio }) => {
      const compared = ratio === null ? "" : `; torch / everfresh = ${ratio.toFixed(2)}`;
      return line("everfresh", stepMs, mode + compared);
    }),
    ...(peer === null ? [] : [line("torch", peer.stepMs, `${peer.version}, ${peer.format}`)]),
  ].join("\n");
}
