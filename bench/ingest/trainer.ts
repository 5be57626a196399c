/** The program as users run it, in a folder of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { ModelStatus } from "@everfresh/sync";

const ROOT = path.resolve(import.meta.dirname, "..", "..");
const MAIN = path.join(ROOT, "packages/everfresh/src/cli/main.ts");
const PROGRAM = path.join(ROOT, "packages/everfresh/src/index.ts");

/** How it trains. */
export interface TrainerSettings {
  readonly triggerSize: number;
  readonly overload: string;
}

/** A run that is pushed to. */
export interface Trainer {
  /** Address of the model. */
  readonly model: string;
  status(): Promise<ModelStatus>;
  /** Resident set, in MiB. */
  residentMebibytes(): number;
  /** Processor time so far, of all its threads, in seconds. */
  cpuSeconds(): number;
  /** Ends it as Ctrl-C does. */
  stop(): Promise<void>;
}

/** Starts LeNet-5 with an empty history. */
export async function startTrainer(folder: string, settings: TrainerSettings): Promise<Trainer> {
  writeFileSync(path.join(folder, "everfresh.config.ts"), configOf(settings));
  const args = ["run", "--port", "0", "--state", "state", "--seed", "1"];
  const child = spawn(process.execPath, ["--conditions=source", MAIN, ...args], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const model = await addressOf(child);
  const { pid } = child;
  return {
    model,
    status: async () => (await (await fetch(model)).json()) as ModelStatus,
    residentMebibytes: () => {
      const text = readFileSync(`/proc/${pid ?? 0}/status`, "utf8");
      return Number(/VmRSS:\s+(\d+) kB/.exec(text)?.[1]) / 1_024;
    },
    cpuSeconds: () => {
      const fields =
        readFileSync(`/proc/${pid ?? 0}/stat`, "utf8")
          .split(") ")[1]
          ?.split(" ") ?? [];
      // Ticks in user and system mode, a hundred in a second.
      return (Number(fields[11]) + Number(fields[12])) / 100;
    },
    stop: async () => {
      if (child.exitCode !== null) return;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGINT");
      await ended;
    },
  };
}

function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      text = (text + chunk.toString()).slice(-20_000);
      const address = /ws(:\/\/\S+\/v1\/models\/\w+)/.exec(text)?.[1];
      if (address !== undefined && text.includes("ready at version")) resolve(`http${address}`);
    });
    child.once("exit", () => reject(new Error(`the program ended: ${text}`)));
  });
}

function configOf({ triggerSize, overload }: TrainerSettings): string {
  return `
  import { adam, classes, defineModel, image, lenet5, proactive, push, sparse }
    from ${JSON.stringify(PROGRAM)};
  export default defineModel({
    name: "digits",
    model: lenet5,
    input: image({ width: 28, height: 28, channels: 1, mean: [0.1307], std: [0.3081] }),
    target: classes(10),
    source: push({
      schema: {
        features: { dtype: "uint8", shape: [1, 28, 28] },
        classes: Array.from({ length: 10 }, (_, digit) => String(digit)),
      },
    }),
    strategy: proactive({ triggerSize: ${triggerSize}, batchSize: 128, overload: "${overload}" }),
    optimizer: adam({ learningRate: 1e-3 }),
    deploy: sparse({ ratio: 0.01, values: "f16" }),
  });
`;
}
