/** Samples that are pushed by HTTP while a model trains on them: nothing is lost, and memory stays. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { openHistory } from "@everfresh/streams";
import { type BenchProcess, startBenchProcess } from "./bench-process.ts";
import type { FromSender, Sent, ToSender } from "./ingest/messages.ts";
import { startTrainer, type Trainer } from "./ingest/trainer.ts";
import { machineMs } from "./machine-clock.ts";
import { choiceOption, positiveOption, wholeOption } from "./option-values.ts";
import { type Distribution, distributionOf, median } from "./statistics.ts";
import { withSettings } from "./with-settings.ts";

const USAGE = `Usage: npm run bench -- ingest [options]

The program trains LeNet-5 proactively on samples of 28 × 28 pixels that another process pushes to it
by HTTP (POST /v1/models/digits/samples, lines of JSON with base64), at a pace that does not wait for
answers to be fast. Then the sender stops, the program takes up what waits and is stopped, and the
history is read: every sample that was sent is to be there once. Memory is the program's resident set.

  --seconds N      how long samples are sent (default 600)
  --per-second N   samples per second (default 2000)
  --batch N        samples of a request (default 100)
  --trigger N      new samples of a training step, t (default 64)
  --overload NAME  where training does not keep up: block, grow or skip (default block)
  --json           one JSON document { seconds, perSecond, batch, triggerSize, overload, sent, history,
                   missing, steps, drainSeconds, cores, answerMs, points }; points has a
                   line for each 60th of the time: { second, mebibytes, samples, steps, waiting, lagMs }
  --help           this text`;

const OPTIONS = {
  seconds: { type: "string", default: "600" },
  "per-second": { type: "string", default: "2000" },
  batch: { type: "string", default: "100" },
  trigger: { type: "string", default: "64" },
  overload: { type: "string", default: "block" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

interface Settings {
  readonly seconds: number;
  readonly perSecond: number;
  readonly batch: number;
  readonly triggerSize: number;
  readonly overload: string;
  readonly json: boolean;
}

/** How things stood at a moment. */
interface Point {
  readonly second: number;
  /** Resident set, MiB. */
  readonly mebibytes: number;
  /** Samples that training had taken up. */
  readonly samples: number;
  readonly steps: number;
  /** Samples that had come and waited. */
  readonly waiting: number;
  /** From the arrival of the first sample of the newest step to the deployed update. */
  readonly lagMs: number | null;
}

interface Report extends Omit<Settings, "json"> {
  readonly sent: Omit<Sent, "answerMs">;
  /** Samples in the history afterwards, */
  readonly history: number;
  /** and those that were sent and are not there. */
  readonly missing: number;
  readonly steps: number;
  /** From the last answer to the last step. */
  readonly drainSeconds: number;
  /** Of the program, per second while samples came. */
  readonly cores: number;
  readonly answerMs: Distribution;
  readonly points: readonly Point[];
}

/** Points of the series. */
const POINTS = 60;

/** After the last sample everything is to be learned within this. */
const DRAIN_MS_MAX = 600_000;

const READ_AT_ONCE = 10_000;

/** The command `ingest`; returns the exit status: 1 where a sample was lost. */
export function ingest(args: readonly string[]): Promise<number> {
  return withSettings(args, { usage: USAGE, parse }, async (settings) => {
    const folder = mkdtempSync(path.join(tmpdir(), "everfresh-ingest-"));
    try {
      const report = await measure(folder, settings);
      console.log(settings.json ? JSON.stringify(report, null, 2) : textOf(report));
      return report.missing === 0 && report.history === report.sent.samples ? 0 : 1;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

function parse(args: readonly string[]): Settings | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false });
  if (values.help) return "help";
  return {
    seconds: positiveOption("seconds", values.seconds),
    perSecond: positiveOption("per-second", values["per-second"]),
    batch: wholeOption("batch", values.batch),
    triggerSize: wholeOption("trigger", values.trigger),
    overload: choiceOption("overload", values.overload, ["block", "grow", "skip"]),
    json: values.json,
  };
}

async function measure(folder: string, all: Settings): Promise<Report> {
  const { seconds, perSecond, batch, triggerSize, overload } = all;
  const settings = { seconds, perSecond, batch, triggerSize, overload };
  const trainer = await startTrainer(folder, settings);
  try {
    const url = new URL("./ingest/sender.worker.ts", import.meta.url);
    await using sender = startBenchProcess<ToSender, FromSender>(url);
    await sender.next();
    sender.send({ kind: "send", model: trainer.model, perSecond, seconds, batch });
    const cpuBefore = trainer.cpuSeconds();
    const { points, sent } = await watch(trainer, sentBy(sender), settings.seconds);
    const cores = (trainer.cpuSeconds() - cpuBefore) / sent.seconds;
    const { steps, drainSeconds } = await drained(trainer, sent.samples);
    await trainer.stop();
    const { history, missing } = await found(folder, sent.samples);
    const { answerMs, samples, accepted, duplicates, quarantined, refused, lateMsMax } = sent;
    const counts = { samples, seconds: sent.seconds, accepted, duplicates, quarantined };
    const answers = distributionOf(answerMs);
    return {
      ...settings,
      ...{
        sent: { ...counts, refused, lateMsMax },
        history,
        missing,
        steps,
        drainSeconds,
        cores,
        answerMs: answers,
        points,
      },
    };
  } finally {
    await trainer.stop();
  }
}

async function sentBy(sender: BenchProcess<ToSender, FromSender>): Promise<Sent> {
  for (;;) {
    const message = await sender.next();
    if (message.kind !== "sent") continue;
    return message;
  }
}

/** Looks at the program again and again until everything is sent. */
async function watch(
  trainer: Trainer,
  sending: Promise<Sent>,
  seconds: number,
): Promise<{ readonly points: readonly Point[]; readonly sent: Sent }> {
  const points: Point[] = [];
  const startMs = machineMs();
  const sender = { isDone: false };
  const ended = sending.then(() => {
    sender.isDone = true;
  });
  while (!sender.isDone) {
    const timer = new Promise((resolve) => setTimeout(resolve, (seconds * 1_000) / POINTS));
    await Promise.race([timer, ended]);
    points.push(await pointOf(trainer, startMs));
  }
  return { points, sent: await sending };
}

async function pointOf(trainer: Trainer, startMs: number): Promise<Point> {
  const { samples, steps, strategy } = await trainer.status();
  const { waiting, lagMs } = strategy.intake;
  const second = Math.round((machineMs() - startMs) / 1_000);
  return { second, mebibytes: trainer.residentMebibytes(), samples, steps, waiting, lagMs };
}

/** Until what can be is learned: fewer than t samples may be left. */
async function drained(
  trainer: Trainer,
  samples: number,
): Promise<{ readonly steps: number; readonly drainSeconds: number }> {
  const startMs = machineMs();
  for (;;) {
    const status = await trainer.status();
    const isDone = samples - status.samples < (status.triggerSize ?? 1);
    const drainSeconds = (machineMs() - startMs) / 1_000;
    if (isDone || drainSeconds * 1_000 > DRAIN_MS_MAX) return { steps: status.steps, drainSeconds };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** How many samples the history has, and how many of those that were sent it has not. */
async function found(
  folder: string,
  samples: number,
): Promise<{ readonly history: number; readonly missing: number }> {
  const file = path.join(folder, "state", "everfresh.sqlite");
  await using history = await openHistory({ file, hotBytesMax: 0 });
  const seen = new Uint8Array(samples);
  for (let at = 0; at < history.count(); at += READ_AT_ONCE) {
    const some = await history.range(at, Math.min(history.count(), at + READ_AT_ONCE));
    for (const { id } of some) seen[Number(id.slice(1))] = 1;
  }
  return { history: history.count(), missing: seen.filter((one) => one === 0).length };
}

function textOf(report: Report): string {
  const { sent, history, missing, steps, answerMs, points, cores, drainSeconds } = report;
  const last = points.at(-1);
  const half = points.slice(Math.floor(points.length / 2)).map(({ mebibytes }) => mebibytes);
  const lags = points.flatMap(({ lagMs }) => (lagMs === null ? [] : [lagMs]));
  const minutes = points.filter((_, i) => i % Math.ceil(points.length / 10) === 0);
  return [
    `sent ${sent.samples} in ${sent.seconds.toFixed(1)} s (${(sent.samples / sent.seconds).toFixed(0)}/s), accepted ${sent.accepted}, in the history ${history}, missing ${missing}`,
    `requests refused ${sent.refused}, late by at most ${sent.lateMsMax.toFixed(0)} ms; answered after ${answerMs.p50.toFixed(1)} ms (p50), ${answerMs.p99.toFixed(1)} ms (p99)`,
    `steps ${steps}, ${cores.toFixed(2)} cores; lag p50 ${median(lags).toFixed(0)} ms; the rest learned after ${drainSeconds.toFixed(1)} s`,
    `memory in the second half ${Math.min(...half).toFixed(0)} to ${Math.max(...half).toFixed(0)} MiB, at the end ${last?.mebibytes.toFixed(0) ?? "?"} MiB`,
    ...minutes.map(
      ({ second, mebibytes, samples, waiting }) =>
        `  ${String(second).padStart(5)} s  ${mebibytes.toFixed(0).padStart(5)} MiB  ${samples} learned, ${waiting} wait`,
    ),
  ].join("\n");
}
