/**
 * The most memory that training takes, in Everfresh and in PyTorch, each in a fresh process: what
 * Linux counts as resident at the peak (VmHWM), code and libraries included.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { openTrainingSession } from "@everfresh/engine";
import { openTorch, type TorchFormat, torchFormats } from "./peers/torch.ts";
import { OPTIMIZERS, randomBatch, type Workload, workloadOf, WORKLOADS } from "./workloads.ts";
import { withSettings } from "./with-settings.ts";

const USAGE = `Usage: npm run bench -- memory [options]

Trains for some steps and prints the peak of resident memory.

  --model NAME      ${Object.keys(WORKLOADS).join(", ")} (default resnet18)
  --batch N         samples per step (default: the model's own)
  --steps N         steps of training (default 5)
  --workers N       worker threads of Everfresh (default: its own)
  --batch-norm MODE for models that have it: shard or exact (default: Everfresh's own)
  --peer torch      PyTorch beside it, in the memory format that takes less
  --json            one JSON document instead of the table
  --in-process      train in this very process and print its memory as JSON: what the command itself
                    starts for ours
  --help            this text`;

const OPTIONS = {
  model: { type: "string", default: "resnet18" },
  batch: { type: "string" },
  steps: { type: "string", default: "5" },
  workers: { type: "string" },
  "batch-norm": { type: "string" },
  peer: { type: "string" },
  json: { type: "boolean", default: false },
  "in-process": { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

interface Settings {
  readonly model: string;
  readonly workload: Workload;
  readonly batch: number;
  readonly steps: number;
  readonly workers: number | undefined;
  readonly batchNorm: "shard" | "exact" | undefined;
  readonly peer: boolean;
  readonly json: boolean;
  readonly inProcess: boolean;
}

interface Memory {
  /** Peak of the process. */
  readonly peakBytes: number;
  /** What the process had with its libraries loaded, before its first model. */
  readonly baseBytes: number;
}

interface Report {
  readonly model: string;
  readonly batch: number;
  readonly ours: Memory;
  readonly peer: (Memory & { readonly name: "torch"; readonly format: TorchFormat }) | null;
  /** Our peak over the peer's: below 1 means that ours takes less. */
  readonly ratio: number | null;
}

/** The command `memory`; returns the exit status. */
export function memory(args: readonly string[]): Promise<number> {
  return withSettings(args, { usage: USAGE, parse }, async (settings) => {
    if (settings.inProcess) {
      console.log(JSON.stringify(await trainHere(settings)));
      return 0;
    }
    const report = await measure(settings, args);
    console.log(settings.json ? JSON.stringify(report) : table(report));
    return 0;
  });
}

function parse(args: readonly string[]): Settings | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false });
  if (values.help) return "help";
  const workload = workloadOf(values.model);
  const batchNorm = values["batch-norm"];
  if (batchNorm !== undefined && batchNorm !== "shard" && batchNorm !== "exact") {
    throw new Error(`--batch-norm is shard or exact, got "${batchNorm}"`);
  }
  if (values.peer !== undefined && values.peer !== "torch") {
    throw new Error(`No peer "${values.peer}"; there is torch`);
  }
  return {
    model: values.model,
    workload,
    batch: whole("batch", values.batch ?? workload.batch),
    steps: whole("steps", values.steps),
    workers: values.workers === undefined ? undefined : whole("workers", values.workers),
    batchNorm,
    peer: values.peer !== undefined,
    json: values.json,
    inProcess: values["in-process"],
  };
}

function whole(name: string, text: string | number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new Error(`--${name} needs a whole number of 1 or more, got "${text}"`);
  }
  return value;
}

async function measure(settings: Settings, args: readonly string[]): Promise<Report> {
  const ours = await trainElsewhere(args);
  const peer = settings.peer ? await smallestPeer(settings) : null;
  const { model, batch } = settings;
  const ratio = peer === null ? null : ours.peakBytes / peer.peakBytes;
  return { model, batch, ours, peer, ratio };
}

/** Ours in a process of its own. */
async function trainElsewhere(args: readonly string[]): Promise<Memory> {
  const main = fileURLToPath(new URL("./main.ts", import.meta.url));
  const rest = ["--conditions=source", main, "memory", ...args, "--in-process"];
  const { stdout } = await promisify(execFile)(process.execPath, rest);
  return JSON.parse(stdout) as Memory;
}

async function trainHere(settings: Settings): Promise<Memory> {
  const baseBytes = residentBytes("VmRSS");
  const { workload, batch, steps, workers, batchNorm } = settings;
  await using session = await openTrainingSession(workload.model(), {
    optimizer: OPTIMIZERS.sgd,
    batchSize: batch,
    plan: {
      ...(workers === undefined ? {} : { workers }),
      ...(batchNorm === undefined ? {} : { batchNorm }),
    },
  });
  const samples = randomBatch(workload, batch);
  for (let step = 0; step < steps; step++) await session.step(samples);
  return { peakBytes: residentBytes("VmHWM"), baseBytes };
}

async function smallestPeer({ workload, batch, steps }: Settings): Promise<Report["peer"]> {
  let best: Report["peer"] = null;
  for (const format of torchFormats(workload.sampleShape)) {
    await using torch = await openTorch(workload, { batch, optimizer: "sgd" });
    if (torch === null) {
      console.error("No Python with PyTorch found (set EVERFRESH_PYTHON): measuring ours alone.");
      return null;
    }
    await torch.time(format, steps);
    const measured = await torch.memory();
    if (best === null || measured.peakBytes < best.peakBytes) {
      best = { name: "torch", format, ...measured };
    }
  }
  return best;
}

/** A line of Linux's word on this process. */
function residentBytes(kind: "VmHWM" | "VmRSS"): number {
  const status = readFileSync("/proc/self/status", "utf8");
  return Number(new RegExp(`${kind}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
}

function table({ model, batch, ours, peer, ratio }: Report): string {
  const megabytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0).padStart(7);
  const line = (name: string, { peakBytes, baseBytes }: Memory): string =>
    `  ${name.padEnd(20)} ${megabytes(peakBytes)} MiB, of which ${megabytes(baseBytes)} before`;
  return [
    `Peak memory of training ${model}, batch ${batch}, SGD with momentum:`,
    line("everfresh", ours),
    ...(peer === null ? [] : [line(`torch ${peer.format}`, peer)]),
    ...(ratio === null ? [] : [`  everfresh / torch = ${ratio.toFixed(2)}`]),
  ].join("\n");
}
