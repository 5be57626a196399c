/**
 * Time of one full training step (forward, backward, optimizer) in Everfresh and in PyTorch, measured
 * in turns within one run, so that both meet the same machine in the same mood.
 */
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { openTrainingSession, type TrainingBatch, type TrainingSession } from "@everfresh/engine";
import { openTorch, TORCH_FORMATS, type TorchFormat, type TorchPeer } from "./peers/torch.ts";
import { median } from "./statistics.ts";
import { OPTIMIZERS, type OptimizerName, randomBatch, WORKLOADS } from "./workloads.ts";

const USAGE = `Usage: npm run bench -- train [options]

Times a full training step: forward, backward, optimizer. Prints the median of all rounds' medians.

  --model NAME      ${Object.keys(WORKLOADS).join(" or ")} (default lenet5)
  --batch N         samples per step (default 64)
  --optimizer NAME  ${Object.keys(OPTIMIZERS).join(" or ")}, the same on both sides (default sgd)
  --workers N       worker threads of Everfresh (default: its own)
  --peer torch      PyTorch in turns with ours, on all cores, in both memory formats; the faster
                    counts. Python is EVERFRESH_PYTHON, /opt/peers/bin/python or python3
  --rounds N        rounds of each side (default 9)
  --steps N         timed steps per round (default 60)
  --json            one JSON document instead of the table
  --help            this text`;

const OPTIONS = {
  model: { type: "string", default: "lenet5" },
  batch: { type: "string", default: "64" },
  optimizer: { type: "string", default: "sgd" },
  workers: { type: "string" },
  peer: { type: "string" },
  rounds: { type: "string", default: "9" },
  steps: { type: "string", default: "60" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

interface Settings {
  readonly model: string;
  readonly batch: number;
  readonly optimizer: OptimizerName;
  readonly workers: number | undefined;
  readonly peer: boolean;
  readonly rounds: number;
  readonly steps: number;
  readonly json: boolean;
}

interface Report {
  readonly model: string;
  readonly batch: number;
  readonly optimizer: string;
  readonly ours: { readonly stepMs: number; readonly mode: string };
  readonly peer: {
    readonly name: "torch";
    readonly version: string;
    readonly format: TorchFormat;
    readonly stepMs: number;
  } | null;
  /** Peer's time over ours: above 1 means that ours is faster. */
  readonly ratio: number | null;
}

// Enough for compilers, caches and clocks to settle.
const WARM_UP_STEPS = 40;

// PyTorch's threads spin for up to 0.2 s after their work; each side finds the machine at rest.
const REST_MS = 300;

/** The command `train`; returns the exit status. */
export async function train(args: readonly string[]): Promise<number> {
  let settings: Settings | "help";
  try {
    settings = parse(args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return 2;
  }
  if (settings === "help") {
    console.log(USAGE);
    return 0;
  }
  const report = await measure(settings);
  console.log(settings.json ? JSON.stringify(report) : table(report));
  return 0;
}

function parse(args: readonly string[]): Settings | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false });
  if (values.help) return "help";
  if (!Object.hasOwn(WORKLOADS, values.model)) {
    throw new Error(`No model "${values.model}"; there is ${Object.keys(WORKLOADS).join(", ")}`);
  }
  const { optimizer } = values;
  if (optimizer !== "sgd" && optimizer !== "adam") {
    throw new Error(`No optimizer "${optimizer}"; there is ${Object.keys(OPTIMIZERS).join(", ")}`);
  }
  if (values.peer !== undefined && values.peer !== "torch") {
    throw new Error(`No peer "${values.peer}"; there is torch`);
  }
  return {
    model: values.model,
    batch: whole("batch", values.batch),
    optimizer,
    workers: values.workers === undefined ? undefined : whole("workers", values.workers),
    peer: values.peer !== undefined,
    rounds: whole("rounds", values.rounds),
    steps: whole("steps", values.steps),
    json: values.json,
  };
}

function whole(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new Error(`--${name} needs a whole number of 1 or more, got "${text}"`);
  }
  return value;
}

async function measure(settings: Settings): Promise<Report> {
  const { batch, workers, rounds, steps } = settings;
  const workload = WORKLOADS[settings.model];
  if (workload === undefined) throw new Error(`no workload ${settings.model}`);
  await using session = await openTrainingSession(workload.model(), {
    optimizer: OPTIMIZERS[settings.optimizer],
    batchSize: batch,
    ...(workers === undefined ? {} : { plan: { workers } }),
  });
  const samples = randomBatch(workload, batch);
  await using torch = settings.peer ? await openTorch(settings) : null;
  if (settings.peer && torch === null) {
    console.error("No Python with PyTorch found (set EVERFRESH_PYTHON): timing ours alone.");
  }
  await timeOurs(session, samples, WARM_UP_STEPS);
  for (const format of TORCH_FORMATS) await torch?.time(format, WARM_UP_STEPS);

  const ours: number[] = [];
  const theirs = new Map<TorchFormat, number[]>(TORCH_FORMATS.map((format) => [format, []]));
  for (let round = 0; round < rounds; round++) {
    await setTimeout(REST_MS);
    ours.push(await timeOurs(session, samples, steps));
    if (torch === null) continue;
    for (const format of TORCH_FORMATS) {
      await setTimeout(REST_MS);
      theirs.get(format)?.push(await torch.time(format, steps));
    }
  }
  const { backend, workers: used, threadsPerWorker } = session.plan;
  const mode = `${backend}, ${used} workers of ${threadsPerWorker} thread`;
  const stepMs = median(ours);
  const peer = torch === null ? null : fastest(torch, theirs);
  return {
    model: settings.model,
    batch,
    optimizer: settings.optimizer,
    ours: { stepMs, mode },
    peer,
    ratio: peer === null ? null : peer.stepMs / stepMs,
  };
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

function table({ model, batch, optimizer, ours, peer, ratio }: Report): string {
  const line = (name: string, stepMs: number, how: string): string =>
    `  ${name.padEnd(12)} ${stepMs.toFixed(2).padStart(8)} ms   ${how}`;
  return [
    `Training step of ${model}, batch ${batch}, ${optimizer}:`,
    line("everfresh", ours.stepMs, ours.mode),
    ...(peer === null ? [] : [line("torch", peer.stepMs, `${peer.version}, ${peer.format}`)]),
    ...(ratio === null ? [] : [`  torch / everfresh = ${ratio.toFixed(2)}`]),
  ].join("\n");
}
