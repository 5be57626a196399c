/**
 * How long an update takes from the trainer's step to the first prediction that knows of it, part by
 * part: the program in one process, busy on all cores, and a replica in another one.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { startBenchProcess } from "./bench-process.ts";
import type { FromReplica, FromTrainer, ToReplica, ToTrainer } from "./latency/messages.ts";
import { distributionsOf, type Part, PARTS, waysOf } from "./latency/update-timeline.ts";
import { choiceOption, positiveOption, wholeOption } from "./option-values.ts";
import type { Distribution } from "./statistics.ts";
import { withSettings } from "./with-settings.ts";

const USAGE = `Usage: npm run bench -- latency [options]

LeNet-5 on handwritten digits, trained without a pause by the program in one process (two workers and
its main thread), followed by connect() in patch mode in a second process. Times every update from
"optimizer step done" to the first prediction by its version or a later one:

  select          which parameters the update carries
  encode and log  its bytes, and the commit to the log
  wire            from the feed to the replica's turn: WebSocket over loopback
  apply           decoding, and the change in the inference worker
  predict         until the first answer that knows of it

Times of the two processes are compared directly: process.hrtime reads CLOCK_MONOTONIC, which all
processes of a Linux machine share. "constantly": the replica predicts without a pause. "rarely": a
few times per second, each time as soon as the next version serves; only these versions count.

  --asks WHICH    constantly, rarely or both (default both; a run of the trainer each)
  --per-second N  predictions per second of "rarely" (default 10)
  --updates N     updates that count (default 2000)
  --ratio R       part of the parameters in each update (default 0.001)
  --workers N     training workers (default 2)
  --data DIR      folder with the four MNIST files (default: generated digits)
  --json          one JSON document { model, ratio, workers, runs: [{ asks, updates, stepMs,
                  updateBytes, updatesPerSecond, predictions, trainerCores, replicaCores,
                  ms: { select, encodeAndLog, wire, apply, predict, total } }] }; each part is
                  { count, p50, p90, p99, max } in milliseconds; stepMs and updateBytes are medians
  --help          this text`;

const OPTIONS = {
  asks: { type: "string", default: "both" },
  "per-second": { type: "string", default: "10" },
  updates: { type: "string", default: "2000" },
  ratio: { type: "string", default: "0.001" },
  workers: { type: "string", default: "2" },
  data: { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

type Asks = "constantly" | "rarely";

interface Settings {
  readonly asks: readonly Asks[];
  readonly perSecond: number;
  readonly updates: number;
  readonly ratio: number;
  readonly workers: number;
  readonly data: string | null;
  readonly json: boolean;
}

interface Run {
  readonly asks: Asks;
  readonly updates: number;
  readonly stepMs: number;
  readonly updateBytes: number;
  readonly updatesPerSecond: number;
  readonly predictions: number;
  /** Processor time over time. */
  readonly trainerCores: number;
  readonly replicaCores: number;
  readonly ms: { readonly [P in Part | "total"]: Distribution };
}

interface Report {
  readonly model: "lenet5";
  readonly ratio: number;
  readonly workers: number;
  readonly runs: readonly Run[];
}

/** Updates before those that count: compilers, caches and the log's file settle. */
const WARM_UP_UPDATES = 300;

/** The command `latency`; returns the exit status. */
export function latency(args: readonly string[]): Promise<number> {
  return withSettings(args, { usage: USAGE, parse }, async (settings) => {
    const { ratio, workers } = settings;
    const runs: Run[] = [];
    for (const asks of settings.asks) runs.push(await runOnce(asks, settings));
    const report: Report = { model: "lenet5", ratio, workers, runs };
    console.log(settings.json ? JSON.stringify(report, null, 2) : table(report));
    return 0;
  });
}

function parse(args: readonly string[]): Settings | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false });
  if (values.help) return "help";
  const asks = choiceOption("asks", values.asks, ["constantly", "rarely", "both"]);
  return {
    asks: asks === "both" ? ["constantly", "rarely"] : [asks],
    perSecond: positiveOption("per-second", values["per-second"]),
    updates: wholeOption("updates", values.updates),
    ratio: positiveOption("ratio", values.ratio),
    workers: wholeOption("workers", values.workers),
    data: values.data === undefined ? null : path.resolve(values.data),
    json: values.json,
  };
}

async function runOnce(asks: Asks, settings: Settings): Promise<Run> {
  const stateDirectory = mkdtempSync(path.join(tmpdir(), "everfresh-bench-"));
  try {
    return await follow(asks, settings, stateDirectory);
  } finally {
    rmSync(stateDirectory, { recursive: true, force: true });
  }
}

async function follow(asks: Asks, settings: Settings, stateDirectory: string): Promise<Run> {
  const { perSecond, updates, ratio, workers, data } = settings;
  await using trainer = startBenchProcess<ToTrainer, FromTrainer>(
    new URL("./latency/trainer.worker.ts", import.meta.url),
  );
  await using replica = startBenchProcess<ToReplica, FromReplica>(
    new URL("./latency/replica.worker.ts", import.meta.url),
  );
  const steps = WARM_UP_UPDATES + updates;
  trainer.send({ kind: "start", stateDirectory, data, ratio, workers, steps });
  const ready = await trainer.next();
  if (ready.kind !== "ready") throw new Error("The trainer ended before it began");
  const asksPerSecond = asks === "constantly" ? 0 : perSecond;
  replica.send({ kind: "join", feedUrl: ready.feedUrl, asksPerSecond });
  await replica.next();
  trainer.send({ kind: "train" });
  const trained = await trainer.next();
  if (trained.kind !== "done") throw new Error("The trainer began twice");
  replica.send({ kind: "end", version: trained.stamps.at(-1)?.version ?? 0 });
  const followed = await replica.next();
  if (followed.kind !== "done") throw new Error("The replica joined twice");
  trainer.send({ kind: "end" });
  const ways = waysOf(trained.stamps, followed.stamps, followed.answers).filter(
    ({ version }) => version > WARM_UP_UPDATES,
  );
  return {
    asks,
    updates: ways.length,
    stepMs: trained.stepMs,
    updateBytes: trained.updateBytes,
    updatesPerSecond: trained.stamps.length / trained.seconds,
    predictions: followed.predictions,
    trainerCores: trained.cores,
    replicaCores: followed.cores,
    ms: distributionsOf(ways),
  };
}

const TITLES: { readonly [P in Part | "total"]: string } = {
  select: "select",
  encodeAndLog: "encode and log",
  wire: "wire",
  apply: "apply",
  predict: "predict",
  total: "from step done to the answer",
};

function table({ ratio, runs }: Report): string {
  return runs
    .flatMap((run) => [
      `LeNet-5, ratio ${ratio}, a replica that predicts ${run.asks}, in ms:`,
      `  ${"".padEnd(30)}${["p50", "p90", "p99", "max"].map((title) => title.padStart(10)).join("")}`,
      ...[...PARTS, "total" as const].map((part) => {
        const { p50, p90, p99, max } = run.ms[part];
        const numbers = [p50, p90, p99, max].map((value) => value.toFixed(2).padStart(10));
        return `  ${TITLES[part].padEnd(30)}${numbers.join("")}`;
      }),
      `  ${run.updates} updates of ${run.updateBytes} bytes, ${run.updatesPerSecond.toFixed(0)} per ` +
        `second, step ${run.stepMs.toFixed(2)} ms; ${run.predictions} predictions; processors: ` +
        `trainer ${run.trainerCores.toFixed(2)}, replica ${run.replicaCores.toFixed(2)}`,
    ])
    .join("\n");
}
