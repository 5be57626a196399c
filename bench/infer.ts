/**
 * Time of a prediction while updates arrive, and of plain ONNX Runtime on the same model with constant
 * weights that never change, measured in turns within one run. Both answer one message at a time in a
 * worker thread, so that like is compared with like.
 */
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { deployCopy } from "@everfresh/core";
import {
  exportModel,
  inferenceGraph,
  type InferenceMode,
  type InferenceSession,
  openInference,
} from "@everfresh/engine";
import { type OnnxruntimePeer, openOnnxruntime } from "./peers/onnxruntime.ts";
import { median, quantile } from "./statistics.ts";
import { type UpdateStream, updateStream } from "./update-stream.ts";
import { randomBatch, workloadOf, WORKLOADS } from "./workloads.ts";
import { withSettings } from "./with-settings.ts";

const USAGE = `Usage: npm run bench -- infer [options]

Times predictions under a stream of updates, beside plain ONNX Runtime with constant weights and no
updates. Prints the median of all rounds' medians: run = inside ONNX Runtime, predict = the whole call.

  --model NAME            ${Object.keys(WORKLOADS).join(", ")} (default lenet5)
  --batch N               samples per prediction (default 1)
  --mode MODE             auto, patch or bake (default auto: measured while the model opens)
  --bake-every MS         least time between two bakes (default: the engine's own)
  --updates-per-second N  updates that arrive (default 10)
  --ratio R               part of the parameters in each update (default 0.001)
  --threads N             threads of ONNX Runtime, on both sides (default 1)
  --rounds N              rounds of each side (default 5)
  --seconds S             duration of a round (default 2)
  --json                  one JSON document instead of the table
  --help                  this text`;

const OPTIONS = {
  model: { type: "string", default: "lenet5" },
  batch: { type: "string", default: "1" },
  mode: { type: "string", default: "auto" },
  "bake-every": { type: "string" },
  "updates-per-second": { type: "string", default: "10" },
  ratio: { type: "string", default: "0.001" },
  threads: { type: "string", default: "1" },
  rounds: { type: "string", default: "5" },
  seconds: { type: "string", default: "2" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

interface Settings {
  readonly model: string;
  readonly batch: number;
  readonly mode: InferenceMode | "auto";
  readonly bakeEveryMs: number | undefined;
  readonly updatesPerSecond: number;
  readonly ratio: number;
  readonly threads: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly json: boolean;
}

/** Times in milliseconds; the medians of all rounds' medians and 99th percentiles. */
interface Times {
  /** Inside ONNX Runtime. */
  readonly runMs: number;
  readonly runP99Ms: number;
  /** The whole call, as the caller sees it. */
  readonly predictMs: number;
  readonly predictP99Ms: number;
}

interface Report {
  readonly model: string;
  readonly batch: number;
  readonly threads: number;
  readonly updatesPerSecond: number;
  readonly ours: Times & {
    readonly mode: InferenceMode;
    /** What the session promises at the end of the run. */
    readonly freshnessMs: number;
    /** The longest time from an applied update to the first answer that has it. */
    readonly freshnessSeenMs: number;
    readonly updates: number;
    /** The same session while no updates arrive. */
    readonly quiet: Times;
  };
  readonly peer: Times & { readonly name: "onnxruntime"; readonly version: string };
  /** Our run time over the peer's: 1.1 means that updates cost a tenth. */
  readonly ratio: number;
}

/** One prediction; returns the time inside ONNX Runtime. */
type Predict = () => Promise<number>;

interface Round {
  readonly runsMs: readonly number[];
  readonly predictionsMs: readonly number[];
}

const WARM_UP_SECONDS = 0.5;

// Lets bakes and collections of the round before end.
const REST_MS = 200;

/** The command `infer`; returns the exit status. */
export function infer(args: readonly string[]): Promise<number> {
  return withSettings(args, { usage: USAGE, parse }, async (settings) => {
    const report = await measure(settings);
    console.log(settings.json ? JSON.stringify(report) : table(report));
    return 0;
  });
}

function parse(args: readonly string[]): Settings | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false });
  if (values.help) return "help";
  workloadOf(values.model);
  const { mode } = values;
  if (mode !== "auto" && mode !== "patch" && mode !== "bake") {
    throw new Error(`No mode "${mode}"; there is auto, patch and bake`);
  }
  const every = values["bake-every"];
  return {
    model: values.model,
    batch: whole("batch", values.batch),
    mode,
    bakeEveryMs: every === undefined ? undefined : positive("bake-every", every),
    updatesPerSecond: positive("updates-per-second", values["updates-per-second"]),
    ratio: positive("ratio", values.ratio),
    threads: whole("threads", values.threads),
    rounds: whole("rounds", values.rounds),
    seconds: positive("seconds", values.seconds),
    json: values.json,
  };
}

function whole(name: string, text: string): number {
  const value = positive(name, text);
  if (!Number.isSafeInteger(value)) throw new Error(`--${name} needs a whole number, got ${text}`);
  return value;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} needs a number above 0, got "${text}"`);
  return value;
}

async function measure(settings: Settings): Promise<Report> {
  const { batch, threads, rounds, seconds, updatesPerSecond, bakeEveryMs } = settings;
  const workload = workloadOf(settings.model);
  const model = workload.model();
  const { inputs } = randomBatch(workload, batch);
  const updates = Math.ceil(rounds * seconds * updatesPerSecond) + rounds;
  const stream = updateStream(model.state, updates, settings.ratio);
  const initial = deployCopy(model.state, 0);
  await using session = await openInference(inferenceGraph(model), initial, {
    mode: settings.mode,
    measuredSize: Math.min(batch, 256),
    threads,
    ...(bakeEveryMs === undefined ? {} : { bakeEveryMs }),
  });
  await using peer = await openOnnxruntime({
    onnx: exportModel(model),
    threads,
    inputShape: [batch, ...model.input.shape],
    outputShape: [batch, ...model.output.shape],
  });
  const ours: Predict = async () => {
    const { runMs, version } = await session.predict(inputs, batch);
    stream.answered(version);
    return runMs;
  };
  const theirs: Predict = async () => (await peer.predict(inputs)).runMs;
  await checkAgreement(session, peer, inputs, batch);
  await timeRound(theirs, WARM_UP_SECONDS);
  await timeRound(ours, WARM_UP_SECONDS);
  const all = { live: [] as Round[], quiet: [] as Round[], peer: [] as Round[] };
  for (let round = 0; round < rounds; round++) {
    await setTimeout(REST_MS);
    all.peer.push(await timeRound(theirs, seconds));
    await setTimeout(REST_MS);
    all.live.push(await timeLive(session, stream, ours, settings));
    await setTimeout(REST_MS);
    all.quiet.push(await timeRound(ours, seconds));
  }
  const live = summary(all.live);
  const plain = summary(all.peer);
  return {
    model: settings.model,
    batch,
    threads,
    updatesPerSecond,
    ours: {
      ...live,
      mode: session.mode,
      freshnessMs: session.freshnessMs,
      freshnessSeenMs: stream.latestMs,
      updates: stream.sent,
      quiet: summary(all.quiet),
    },
    peer: { name: "onnxruntime", version: peer.version, ...plain },
    ratio: live.runMs / plain.runMs,
  };
}

/** Both must compute the same thing, or comparing their times means nothing. */
async function checkAgreement(
  session: InferenceSession,
  peer: OnnxruntimePeer,
  inputs: Float32Array,
  batch: number,
): Promise<void> {
  const { outputs } = await session.predict(inputs, batch);
  const expected = (await peer.predict(inputs)).outputs;
  const scale = Math.max(...expected.map(Math.abs));
  const difference = Math.max(...outputs.map((value, i) => Math.abs(value - (expected[i] ?? NaN))));
  if (!(difference <= 1e-3 * scale)) {
    throw new Error(`Outputs differ by ${difference} where the largest is ${scale}`);
  }
}

async function timeRound(predict: Predict, seconds: number): Promise<Round> {
  const runsMs: number[] = [];
  const predictionsMs: number[] = [];
  const endMs = performance.now() + 1_000 * seconds;
  let nowMs = performance.now();
  while (nowMs < endMs) {
    runsMs.push(await predict());
    const laterMs = performance.now();
    predictionsMs.push(laterMs - nowMs);
    nowMs = laterMs;
  }
  return { runsMs, predictionsMs };
}

async function timeLive(
  session: InferenceSession,
  stream: UpdateStream,
  predict: Predict,
  { seconds, updatesPerSecond }: Settings,
): Promise<Round> {
  const applied: Promise<void>[] = [];
  const timer = setInterval(() => {
    applied.push(stream.send(session));
  }, 1_000 / updatesPerSecond);
  const round = await timeRound(predict, seconds);
  clearInterval(timer);
  await Promise.all(applied);
  // Until the last update answers, so that every one is seen and the next round is quiet.
  while (stream.seen < stream.sent) await predict();
  return round;
}

function summary(rounds: readonly Round[]): Times {
  const of = (list: (round: Round) => readonly number[], part: number): number =>
    median(rounds.map((round) => quantile(list(round), part)));
  return {
    runMs: of(({ runsMs }) => runsMs, 0.5),
    runP99Ms: of(({ runsMs }) => runsMs, 0.99),
    predictMs: of(({ predictionsMs }) => predictionsMs, 0.5),
    predictP99Ms: of(({ predictionsMs }) => predictionsMs, 0.99),
  };
}

function table({ model, batch, threads, updatesPerSecond, ours, peer, ratio }: Report): string {
  const line = (name: string, times: Times): string =>
    `  ${name.padEnd(26)}` +
    [times.runMs, times.runP99Ms, times.predictMs, times.predictP99Ms]
      .map((time) => time.toFixed(3).padStart(12))
      .join("");
  return [
    `Predictions of ${model}, batch ${batch}, ${threads} thread${threads === 1 ? "" : "s"}, in ms:`,
    `  ${"".padEnd(26)}${["run p50", "run p99", "predict p50", "predict p99"].map((title) => title.padStart(12)).join("")}`,
    line(`onnxruntime ${peer.version}`, peer),
    line("everfresh, no updates", ours.quiet),
    line(`everfresh, ${updatesPerSecond} updates/s`, ours),
    `  mode ${ours.mode}; an update is visible after ${ours.freshnessMs.toFixed(0)} ms at most, ` +
      `seen ${ours.freshnessSeenMs.toFixed(0)} ms over ${ours.updates} updates`,
    `  everfresh with updates / onnxruntime: run ${ratio.toFixed(3)}, predict ` +
      (ours.predictMs / peer.predictMs).toFixed(3),
  ].join("\n");
}
