import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { ReplicaProcessError } from "../errors.ts";
import type { ReplicaSummary } from "./summary.ts";
import type { Terminal } from "./terminal.ts";

const OUTPUT_BYTES_MAX = 64 * 1024; // its document has a few hundred bytes
const FINISH_MS_MAX = 60_000; // scoring 10,000 samples takes seconds, more on a busy machine

const documentSchema = z.object({
  version: z.number(),
  fingerprint: z.string(),
  heldOutAccuracy: z.number().nullable(),
});

/** A replica that runs as a process of its own. */
export interface ReplicaProcess {
  /** Resolves when the process is gone. */
  readonly ended: Promise<void>;
  /** Lets it score itself and end; what it said. */
  finish(): Promise<ReplicaSummary>;
  /** Ends it at once, if it still runs. */
  kill(): void;
}

/** Options of {@link startReplicaProcess}. */
export interface ReplicaProcessOptions {
  readonly feedUrl: string;
  /** Seed of the generated digits that it scores itself on, where there is no data. */
  readonly seed: number;
  readonly data: string | undefined;
  readonly terminal: Terminal;
}

/** Starts `everfresh replica`; it ends by itself when this process goes away. */
export function startReplicaProcess(options: ReplicaProcessOptions): ReplicaProcess {
  const { feedUrl, seed, data, terminal } = options;
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const main = fileURLToPath(new URL(`./main.${extension}`, import.meta.url));
  const held = data === undefined ? ["--digits", "--seed", `${seed}`] : ["--data", data];
  const child = spawn(
    process.execPath,
    [...process.execArgv, main, "replica", feedUrl, "--json", "--quiet", ...held],
    // The channel is only there to be closed: that tells the child that this process is gone. A
    // process group of its own keeps Ctrl-C away from it: it ends when this process says so.
    { stdio: ["ignore", "pipe", "pipe", "ipc"], detached: true },
  );
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    if (output.length < OUTPUT_BYTES_MAX) output += chunk.toString();
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    for (const line of chunk.toString().trimEnd().split("\n")) terminal.line(`replica: ${line}`);
  });
  const ended = new Promise<void>((resolve) => {
    child.on("error", () => resolve());
    child.on("close", () => resolve());
  });
  return {
    ended,
    finish: async () => {
      child.kill("SIGINT");
      const timer = setTimeout(() => child.kill("SIGKILL"), FINISH_MS_MAX);
      await ended;
      clearTimeout(timer);
      return parseDocument(output, child.exitCode);
    },
    kill: () => {
      if (child.exitCode === null) child.kill("SIGKILL");
    },
  };
}

function parseDocument(output: string, exitCode: number | null): ReplicaSummary {
  try {
    return documentSchema.parse(JSON.parse(output));
  } catch (cause) {
    throw new ReplicaProcessError(
      `The replica ended with status ${exitCode ?? "none"} and no result: ${output.slice(0, 200)}`,
      { exitCode, cause },
    );
  }
}
