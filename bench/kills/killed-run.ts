/** Runs the program to its end, killing it on the way, and says what it has come to. */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Random } from "@everfresh/core";

const ROOT = path.resolve(import.meta.dirname, "..", "..");
const MAIN = path.join(ROOT, "packages/everfresh/src/cli/main.ts");
const EVERFRESH = path.join(ROOT, "packages/everfresh/src/index.ts");

const LOOK_EVERY_MS = 10;
/** The last part of a run is left alone: one that has ended would be continued by as many steps again. */
const LAST_KILL = 0.8;
/** A life that does not get so far in this time is killed where it is. */
const LIFE_MS_MAX = 60_000;

/** A way to train that is to survive. */
export interface Way {
  readonly name: string;
  /** Expression for the `strategy` of a configuration. */
  readonly strategy: string;
  /** How many samples late labels are; null where they come along. */
  readonly labelLag: number | null;
  /** Sample of the stream from which on digits are turned; drift is watched then. Null for neither. */
  readonly turnedFrom: number | null;
  /** Iterations in all. */
  readonly steps: number;
  /** Samples per second. */
  readonly rate: number;
  /** So long after it has come to a step, at most, it is killed: about what an iteration takes. */
  readonly killWithinMs: number;
}

/** The ways that are killed: with everything that a run has to remember. */
export const WAYS: readonly Way[] = [
  {
    name: "proactive, late labels, a sampler that counts",
    strategy: `proactive({ triggerSize: 8, batchSize: 64, sampler: inverseCountSampling(),
      budgets: [{ kind: "stepsPerSecond", rate: 500, burst: 5 }] })`,
    labelLag: 100,
    turnedFrom: null,
    steps: 400,
    rate: 800,
    killWithinMs: 80,
  },
  {
    name: "proactive, late labels, drift that is acted on",
    strategy: "proactive({ triggerSize: 8, batchSize: 32 })",
    labelLag: 100,
    // A quarter of the way is enough to see it.
    turnedFrom: 750,
    steps: 560,
    rate: 1_200,
    killWithinMs: 80,
  },
  {
    name: "full retraining, cold",
    strategy: `fullRetraining({ every: { samples: 200 }, epochs: 8, batchSize: 32,
      overload: "block" })`,
    labelLag: null,
    turnedFrom: null,
    steps: 10,
    rate: 800,
    killWithinMs: 800,
  },
];

/** What a run has come to: everything that has to be the same, as fingerprints. */
export interface Outcome {
  readonly version: number;
  readonly steps: number;
  readonly samples: number;
  /** Of the deployed state. */
  readonly fingerprint: string;
  /** SHA-256 of the trained state, and of the optimizer. */
  readonly trained: string;
  readonly optimizer: string;
  /** Drift records, and a SHA-256 of all that they say; null where drift is not watched. */
  readonly drift: { readonly records: number; readonly said: string } | null;
}

/** Trains in `folder` to the end, and kills the program so many times at moments that `random` picks. */
export async function killedRun(
  way: Way,
  folder: string,
  { kills, random }: { readonly kills: number; readonly random: Random },
): Promise<Outcome> {
  const args = argumentsOf(way, folder);
  for (let made = 0; made < kills; made++) {
    // One life in four ends while it starts, the others somewhere in their part of the way.
    const isEarly = random.below(4) === 0;
    const steps = (LAST_KILL * way.steps * (made + random.float())) / kills;
    const afterMs = random.below(isEarly ? 1_500 : way.killWithinMs);
    const mostSteps = Math.floor(LAST_KILL * way.steps);
    await liveAndDie(args, { steps: isEarly ? 0 : Math.floor(steps), afterMs, mostSteps });
  }
  return outcomeOf(await ended(started(args).child), folder);
}

function argumentsOf(
  { strategy, labelLag, turnedFrom, steps, rate }: Way,
  folder: string,
): readonly string[] {
  mkdirSync(folder, { recursive: true });
  const config = path.join(folder, "everfresh.config.ts");
  writeFileSync(
    config,
    `import { adam, classes, defineModel, digits, fullRetraining, inverseCountSampling, lateLabels, mlp,
       numeric, proactive, rotated, sparse } from ${JSON.stringify(EVERFRESH)};
     export default defineModel({ name: "killed", input: numeric(784), target: classes(10),
       model: ({ seed }) => mlp({ inputs: 784, hidden: [16], outputs: 10, seed }),
       ${streamOf(turnedFrom)} strategy: ${strategy},
       ${labelLag === null ? "" : `labels: lateLabels({ lagSamples: ${labelLag} }),`}
       optimizer: adam(), deploy: sparse({ ratio: 0.02 }) });\n`,
  );
  const place = ["--config", config, "--state", path.join(folder, "state"), "--port", "0"];
  return ["run", ...place, "--seed", "7", "--json", "--steps", `${steps}`, "--rate", `${rate}`];
}

/** The source of a configuration, and whether drift is watched in it. */
function streamOf(turnedFrom: number | null): string {
  if (turnedFrom === null) return "source: digits(),";
  return `source: rotated(digits(), { fromSample: ${turnedFrom}, degrees: 60 }), drift: {},`;
}

/** Starts the program; resolves with its address when it shows it, or null when it ends before. */
function started(args: readonly string[]): {
  readonly child: ChildProcess;
  readonly address: Promise<string | null>;
} {
  const child = spawn(process.execPath, ["--conditions=source", "--no-warnings", MAIN, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const address = new Promise<string | null>((resolve) => {
    let text = "";
    child.stderr.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      const found = /ws:(\/\/127\.0\.0\.1:\d+\/\S+)/.exec(text)?.[1];
      if (found !== undefined) resolve(`http:${found}`);
    });
    child.once("close", () => resolve(null));
  });
  return { child, address };
}

/**
 * Lets the program come to so many steps in all, and go on for some milliseconds, but not beyond
 * `mostSteps`; then kills it.
 * @throws Error when it has ended by itself
 */
async function liveAndDie(
  args: readonly string[],
  life: { readonly steps: number; readonly afterMs: number; readonly mostSteps: number },
): Promise<void> {
  const { child, address } = started(args);
  const closed = new Promise((resolve) => child.once("close", resolve));
  const url = life.steps === 0 ? null : await address;
  if (url !== null) await stepsMade(url, life.steps, child);
  const isFar = address.then((at) => (at === null ? null : stepsMade(at, life.mostSteps, child)));
  await Promise.race([sleep(life.afterMs), isFar]);
  const isKilled = child.kill("SIGKILL");
  await closed;
  if (!isKilled) throw new Error(`everfresh ended before it was killed: ${args.join(" ")}`);
}

async function stepsMade(url: string, steps: number, child: ChildProcess): Promise<void> {
  const startMs = performance.now();
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null;
  while (isAlive() && performance.now() - startMs < LIFE_MS_MAX) {
    if (((await stepsAt(url)) ?? 0) >= steps) return;
    await sleep(LOOK_EVERY_MS);
  }
}

async function stepsAt(url: string): Promise<number | null> {
  try {
    return ((await (await fetch(url)).json()) as { readonly steps: number }).steps;
  } catch {
    return null; // It is about to end.
  }
}

/** What the program prints. */
async function ended(child: ChildProcess): Promise<string> {
  const text = { out: "", err: "" };
  child.stdout?.on("data", (chunk: Buffer) => (text.out += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (text.err += chunk.toString()));
  const status = await new Promise((resolve) => child.once("close", resolve));
  if (status !== 0) throw new Error(`everfresh ended with ${String(status)}: ${text.err}`);
  return text.out;
}

function outcomeOf(printed: string, folder: string): Outcome {
  const { version, steps, samples, fingerprint } = JSON.parse(printed) as Outcome;
  const [trained, optimizer] = trainingIn(path.join(folder, "state", "checkpoint.bin"));
  const drift = driftIn(path.join(folder, "state", "drift.json"));
  return { version, steps, samples, fingerprint, trained, optimizer, drift };
}

function driftIn(file: string): Outcome["drift"] {
  if (!existsSync(file)) return null;
  const { records } = JSON.parse(readFileSync(file, "utf8")) as { records: readonly unknown[] };
  const said = createHash("sha256").update(JSON.stringify(records)).digest("hex");
  return { records: records.length, said };
}

/** Hashes of the last two parts of a checkpoint: the trained state and the optimizer. */
function trainingIn(file: string): readonly [string, string] {
  const bytes = readFileSync(file);
  const length = bytes.readUInt32LE(4);
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + length)) as { lengths: number[] };
  const [state = 0, optimizer = 0] = header.lengths.slice(-2);
  const end = bytes.length - 4; // after them only the checksum
  const hash = (from: number, to: number): string =>
    createHash("sha256").update(bytes.subarray(from, to)).digest("hex");
  return [hash(end - optimizer - state, end - optimizer), hash(end - optimizer, end)];
}
