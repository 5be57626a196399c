/** Starts the program as a user does, from source, and collects what it prints. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";

const ROOT = path.resolve(import.meta.dirname, "..", "..");
const MAIN = path.join(ROOT, "packages/everfresh/src/cli/main.ts");

/** What `run` and `demo` print with `--json`. */
export interface Summary {
  readonly samples: number;
  readonly steps: number;
  readonly version: number;
  readonly trainedAccuracy: number;
  readonly deployedAccuracy: number;
  readonly heldOutAccuracy: number;
  readonly updateBytes: {
    readonly mean: number;
    readonly p50: number;
    readonly max: number;
    readonly total: number;
  };
  readonly denseBytes: number;
  readonly stepMs: { readonly p50: number; readonly p99: number };
  readonly updateToReplicaMs: { readonly p50: number; readonly p99: number } | null;
  readonly fingerprint: string;
  readonly replicas: readonly {
    readonly version: number;
    readonly fingerprint: string;
    readonly heldOutAccuracy: number | null;
  }[];
}

/** How a process ended. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running program. */
export interface Program {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves with the match when it shows it; rejects when the program ends before. */
  shows(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Starts `everfresh ARGS`. */
export function start(args: readonly string[], cwd: string = ROOT): Program {
  return startScript(MAIN, args, cwd);
}

/** Starts a TypeScript file with its arguments. */
export function startScript(file: string, args: readonly string[], cwd: string = ROOT): Program {
  const child = spawn(process.execPath, ["--conditions=source", file, ...args], {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => {
    child.kill("SIGKILL"); // does nothing when it has ended
  });
  let stdout = "";
  let stderr = "";
  const watchers = new Set<() => void>();
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
    for (const watcher of watchers) watcher();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
    for (const watcher of watchers) watcher();
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, stdout, stderr }));
  });
  const shows = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(stderr) ?? pattern.exec(stdout);
        if (match === null) return;
        watchers.delete(look);
        resolve(match);
      };
      watchers.add(look);
      look();
      void ended.then(() => reject(new Error(`ended before it showed ${pattern}: ${stderr}`)));
    });
  return { child, ended, shows };
}

/** Runs `everfresh ARGS` to its end. */
export function run(args: readonly string[], cwd?: string): Promise<Ended> {
  return start(args, cwd).ended;
}

/** Runs `everfresh ARGS --json`, which must succeed, and gives the document it prints. */
export async function summaryOf(args: readonly string[]): Promise<Summary> {
  const { status, stdout, stderr } = await run([...args, "--json"]);
  if (status !== 0) throw new Error(`everfresh ${args.join(" ")} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as Summary;
}

/** A fresh folder that goes away when it is disposed of. */
export function temporaryFolder(): { readonly path: string } & Disposable {
  const folder = mkdtempSync(path.join(tmpdir(), "everfresh-test-"));
  return {
    path: folder,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
