import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Workload } from "../workloads.ts";

/** Memory formats of PyTorch's tensors. */
const TORCH_FORMATS = ["NCHW", "channels_last"] as const;
export type TorchFormat = (typeof TORCH_FORMATS)[number];

/** The formats that differ for samples of a shape: only images have both. */
export function torchFormats(sampleShape: readonly number[]): readonly TorchFormat[] {
  return sampleShape.length === 3 ? TORCH_FORMATS : ["NCHW"];
}

/** PyTorch in a process of its own, which computes only while it is asked to. */
export interface TorchPeer extends AsyncDisposable {
  readonly version: string;
  /** Median milliseconds of `steps` training steps. */
  time(format: TorchFormat, steps: number): Promise<number>;
  /** The most memory that the process has had so far, and what it had before its first model. */
  memory(): Promise<{ readonly peakBytes: number; readonly baseBytes: number }>;
}

/** Starts PyTorch on a workload; null when there is no Python that has it. */
export async function openTorch(
  workload: Workload,
  settings: { readonly batch: number; readonly optimizer: string },
): Promise<TorchPeer | null> {
  const { torch, sampleShape, classes, idLimits } = workload;
  const job = { ...torch, sampleShape, classes, idLimits, ...settings };
  const process = startPython("torch_train.py", [JSON.stringify(job)]);
  if (process === null) return null;
  const { version } = (await process.next()) as { version: string };
  return {
    version,
    async time(format, steps) {
      process.send({ command: "time", format, steps });
      return ((await process.next()) as { stepMs: number }).stepMs;
    },
    async memory() {
      process.send({ command: "memory" });
      return (await process.next()) as { peakBytes: number; baseBytes: number };
    },
    [Symbol.asyncDispose]: () => process.close(),
  };
}

/** A Python script that talks in lines of JSON. */
export interface PythonProcess {
  send(request: object): void;
  /** The next line that the script writes. */
  next(): Promise<unknown>;
  close(): Promise<void>;
}

/** Starts a script of this folder; null when there is no Python with PyTorch. */
export function startPython(name: string, args: readonly string[]): PythonProcess | null {
  const python = findPython();
  if (python === null) return null;
  const script = fileURLToPath(new URL(`./${name}`, import.meta.url));
  const child = spawn(python, [script, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const answers = lines[Symbol.asyncIterator]();
  return {
    send(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`);
    },
    async next() {
      const { value, done } = await answers.next();
      if (done === true) throw new Error(`${python} ${script} ended before it answered`);
      return JSON.parse(value) as unknown;
    },
    close: () => close(child, lines),
  };
}

function close(
  child: ChildProcessByStdio<Writable, Readable, null>,
  lines: Interface,
): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    lines.close();
    child.stdin.end();
  });
}

function findPython(): string | null {
  const wished = process.env["EVERFRESH_PYTHON"];
  const candidates = wished === undefined ? ["/opt/peers/bin/python", "python3"] : [wished];
  const found = candidates.find((python) => {
    if (python.startsWith("/") && !existsSync(python)) return false;
    return spawnSync(python, ["-c", "import torch"], { stdio: "ignore" }).status === 0;
  });
  return found ?? null;
}
