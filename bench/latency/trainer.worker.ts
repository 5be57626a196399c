/** The trainer of the bench `latency`: the program itself, with stamps of each update's way. */
import { digitsModel, runModel } from "everfresh";
import { systemClock, type Update } from "@everfresh/core";
import { Feed } from "@everfresh/sync";
import { benchParent } from "../bench-process.ts";
import { machineMs } from "../machine-clock.ts";
import { median } from "../statistics.ts";
import type { FromTrainer, ToTrainer } from "./messages.ts";
import type { TrainerStamps } from "./update-timeline.ts";

const parent = benchParent<FromTrainer, ToTrainer>();
const stamps: TrainerStamps[] = [];
const stepsMs: number[] = [];
const updateBytes: number[] = [];
const sentAtMs = new Map<number, number>();

stampPublishing();
const start = await parent.next();
if (start.kind !== "start") throw new Error(`"${start.kind}" came before "start"`);
const { stateDirectory, data, ratio, workers, steps } = start;
let startedMs = 0;
let startedCpu = process.cpuUsage();
await runModel({
  config: (seed) => ({
    definition: digitsModel({ seed, ...(data === null ? {} : { data }) }),
    directory: process.cwd(),
  }),
  stateDirectory,
  ratio,
  steps,
  plan: { workers },
  host: "127.0.0.1",
  port: 0,
  signal: new AbortController().signal,
  clock: { nowMs: () => systemClock.nowMs(), monotonicMs: machineMs },
  onReady: (feedUrl) => parent.send({ kind: "ready", feedUrl }),
  beforeTraining: async () => {
    await parent.next();
    startedMs = machineMs();
    startedCpu = process.cpuUsage();
  },
  onEvent: (event) => {
    if (event.kind !== "step") return;
    const { version, stepDoneAtMs, selectMs, stepMs, entries } = event.report;
    stepsMs.push(stepMs);
    if (entries === 0) return;
    updateBytes.push(event.report.updateBytes);
    const sentMs = sentAtMs.get(version) ?? NaN;
    stamps.push({ version, stepDoneMs: stepDoneAtMs, selectedMs: stepDoneAtMs + selectMs, sentMs });
  },
  afterTraining: async () => {
    const seconds = (machineMs() - startedMs) / 1_000;
    const { user, system } = process.cpuUsage(startedCpu);
    parent.send({
      kind: "done",
      stamps,
      stepMs: median(stepsMs),
      updateBytes: median(updateBytes),
      cores: (user + system) / 1e6 / seconds,
      seconds,
    });
    await parent.next();
  },
});
process.exit();

/** Notes when the feed gets each update: by then the log has it. */
function stampPublishing(): void {
  // eslint-disable-next-line @typescript-eslint/unbound-method
  const { publish } = Feed.prototype;
  Feed.prototype.publish = function (this: Feed, update: Update, bytes: Uint8Array): void {
    sentAtMs.set(update.toVersion, machineMs());
    publish.call(this, update, bytes);
  };
}
