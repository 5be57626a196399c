import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

/** Memory formats of PyTorch's tensors. */
export const TORCH_FORMATS = ["NCHW", "channels_last"] as const;
export type TorchFormat = (typeof TORCH_FORMATS)[number];

/** PyTorch in a process of its own, which computes only while it is asked to. */
export interface TorchPeer extends AsyncDisposable {
  readonly version: string;
  /** Median milliseconds of `steps` training steps. */
  time(format: TorchFormat, steps: number): Promise<number>;
}

/** Starts PyTorch on a workload; null when there is no Python that has it. */
export async function openTorch(workload: {
  readonly model: string;
  readonly batch: number;
  readonly optimizer: string;
}): Promise<TorchPeer | null> {
  const python = findPython();
  if (python === null) return null;
  const script = fileURLToPath(new URL("./torch_train.py", import.meta.url));
  const { model, batch, optimizer } = workload;
  const child = spawn(python, [script, model, `${batch}`, optimizer], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout });
  const answers = lines[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const { value, done } = await answers.next();
    if (done === true) throw new Error(`${python} ${script} ended before it answered`);
    return JSON.parse(value);
  };
  const { version } = (await next()) as { version: string };
  return {
    version,
    async time(format, steps) {
      child.stdin.write(`${JSON.stringify({ format, steps })}\n`);
      return ((await next()) as { stepMs: number }).stepMs;
    },
    [Symbol.asyncDispose]: () => close(child, lines),
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
