/** What updates cost those who ask for predictions: the same open-loop load with and without them. */
import { parseArgs } from "node:util";
import { Random } from "@everfresh/core";
import { type Client, connect } from "@everfresh/client";
import type { InferenceMode } from "@everfresh/engine";
import { type ArrivalKind, arrivalsOf } from "./arrivals.ts";
import { type BenchProcess, startBenchProcess } from "./bench-process.ts";
import type { FromPublisher, ToPublisher } from "./load/messages.ts";
import { openLoop } from "./load/open-loop.ts";
import { choiceOption, positiveOption, wholeOption } from "./option-values.ts";
import { recordElsewhere } from "./start-recorder.ts";
import { type Distribution, distributionOf, median } from "./statistics.ts";
import { withSettings } from "./with-settings.ts";

const USAGE = `Usage: npm run bench -- load [options]

Predictions of LeNet-5 through connect(), in this process, while a second process replays updates that
were recorded from real training, over the WebSocket of the program; against the same load while none
come. Requests arrive whether or not earlier ones were answered, at a part of what one caller after
another reaches, and their time counts from when they were due: waiting is not left out. Rounds
alternate; what is reported is the ratio of the two p99 of each round, and its median.

  --updates-per-second N  updates of "with" (default 100)
  --ratio R               part of the parameters in each update (default 0.001)
  --mode MODE             auto, patch or bake (default patch: each prediction sees the newest version)
  --utilisation U         requests per second, over those that one caller gets answered one after
                          another without updates (default 0.3)
  --arrivals KIND         poisson or fixed (default poisson)
  --rounds N              rounds of each side (default 5)
  --seconds S             duration of a round (default 5)
  --json                  one JSON document { model, mode, ratio, updatesPerSecond, utilisation,
                          requestsPerSecond, arrivals, rounds: [{ without, with, p99Ratio }],
                          p99Ratio, p50Ratio, updatesApplied }; without and with are
                          { count, p50, p90, p99, max, lateP99, refused } in milliseconds; late is
                          how late the load generator was, which is part of the times; a refused
                          request (512 wait already) takes for ever, which is null
  --help                  this text`;

const OPTIONS = {
  "updates-per-second": { type: "string", default: "100" },
  ratio: { type: "string", default: "0.001" },
  mode: { type: "string", default: "patch" },
  utilisation: { type: "string", default: "0.3" },
  arrivals: { type: "string", default: "poisson" },
  rounds: { type: "string", default: "5" },
  seconds: { type: "string", default: "5" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

interface Settings {
  readonly updatesPerSecond: number;
  readonly ratio: number;
  readonly mode: InferenceMode | "auto";
  readonly utilisation: number;
  readonly arrivals: ArrivalKind;
  readonly rounds: number;
  readonly seconds: number;
  readonly json: boolean;
}

/** Latencies in milliseconds; Infinity, which is null in JSON, for requests that were refused. */
type Side = Distribution & { readonly lateP99: number; readonly refused: number };

interface Round {
  readonly without: Side;
  readonly with: Side;
  readonly p99Ratio: number;
}

interface Report {
  readonly model: "lenet5";
  readonly mode: InferenceMode | "auto";
  readonly ratio: number;
  readonly updatesPerSecond: number;
  readonly utilisation: number;
  readonly requestsPerSecond: number;
  readonly arrivals: ArrivalKind;
  readonly rounds: readonly Round[];
  /** Medians of the rounds' ratios. */
  readonly p99Ratio: number;
  readonly p50Ratio: number;
  readonly updatesApplied: number;
}

/** Updates before the rounds: compilers settle. */
const WARM_UP_UPDATES = 100;
const WARM_UP_PREDICTIONS = 3_000;

/** The command `load`; returns the exit status. */
export function load(args: readonly string[]): Promise<number> {
  return withSettings(args, { usage: USAGE, parse }, async (settings) => {
    const report = await measure(settings);
    console.log(settings.json ? JSON.stringify(report, null, 2) : table(report));
    return 0;
  });
}

function parse(args: readonly string[]): Settings | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false });
  if (values.help) return "help";
  return {
    updatesPerSecond: positiveOption("updates-per-second", values["updates-per-second"]),
    ratio: positiveOption("ratio", values.ratio),
    mode: choiceOption("mode", values.mode, ["auto", "patch", "bake"]),
    utilisation: positiveOption("utilisation", values.utilisation),
    arrivals: choiceOption("arrivals", values.arrivals, ["poisson", "fixed"]),
    rounds: wholeOption("rounds", values.rounds),
    seconds: positiveOption("seconds", values.seconds),
    json: values.json,
  };
}

type Publisher = BenchProcess<ToPublisher, FromPublisher>;

async function measure(settings: Settings): Promise<Report> {
  const { updatesPerSecond, ratio, mode, utilisation, arrivals, rounds, seconds } = settings;
  const perRound = Math.ceil(updatesPerSecond * seconds);
  const updates = await recordElsewhere(WARM_UP_UPDATES + perRound * rounds, ratio);
  await using publisher: Publisher = startBenchProcess(
    new URL("./load/publisher.worker.ts", import.meta.url),
  );
  publisher.send({ kind: "serve", updates });
  const serving = await publisher.next();
  if (serving.kind !== "serving") throw new Error("The publisher did not start");
  await using model = await connect(serving.feedUrl, { mode });
  const request = askerOf(model);
  await replay(publisher, model, { perSecond: updatesPerSecond, count: WARM_UP_UPDATES });
  const requestsPerSecond = utilisation * (await callsPerSecond(request));
  const random = new Random(1);
  const side = async (): Promise<Side> => {
    const times = arrivalsOf(arrivals, requestsPerSecond, 1_000 * seconds, random);
    const { latenciesMs, lateMs, refused } = await openLoop(times, request);
    return { ...distributionOf(latenciesMs), lateP99: distributionOf(lateMs).p99, refused };
  };
  const measured: Round[] = [];
  for (let round = 0; round < rounds; round++) {
    const withUpdates = async (): Promise<Side> => {
      const replayed = replay(publisher, model, { perSecond: updatesPerSecond, count: perRound });
      const found = await side();
      await replayed;
      return found;
    };
    // Alternately first, so that what drifts meets both.
    const firstWith = round % 2 === 1 ? await withUpdates() : null;
    const without = await side();
    const with_ = firstWith ?? (await withUpdates());
    measured.push({ without, with: with_, p99Ratio: with_.p99 / without.p99 });
  }
  return {
    model: "lenet5",
    mode,
    ratio,
    updatesPerSecond,
    utilisation,
    requestsPerSecond,
    arrivals,
    rounds: measured,
    p99Ratio: median(measured.map(({ p99Ratio }) => p99Ratio)),
    p50Ratio: median(measured.map((round) => round.with.p50 / round.without.p50)),
    updatesApplied: model.status().updatesApplied,
  };
}

function askerOf(model: Client): () => Promise<unknown> {
  const random = new Random(2);
  const image = Uint8Array.from({ length: 28 * 28 }, () => random.below(256));
  return () => model.predict({ image });
}

/** How many requests one caller gets answered, who waits for each answer. */
async function callsPerSecond(request: () => Promise<unknown>): Promise<number> {
  for (let i = 0; i < WARM_UP_PREDICTIONS; i++) await request();
  const startMs = performance.now();
  for (let i = 0; i < WARM_UP_PREDICTIONS; i++) await request();
  return (1_000 * WARM_UP_PREDICTIONS) / (performance.now() - startMs);
}

/** Lets updates come; resolves when the model serves the last one. */
async function replay(
  publisher: Publisher,
  model: Client,
  order: { readonly perSecond: number; readonly count: number },
): Promise<void> {
  publisher.send({ kind: "replay", ...order });
  const replayed = await publisher.next();
  if (replayed.kind !== "replayed") throw new Error("The publisher started twice");
  for await (const { version, fingerprint } of model.states()) {
    if (version < replayed.version) continue;
    if (fingerprint === replayed.fingerprint) return;
    throw new Error(`Replica has fingerprint ${fingerprint} at version ${version}, not the feed's`);
  }
}

function table(report: Report): string {
  const { mode, ratio, updatesPerSecond, utilisation, requestsPerSecond, arrivals } = report;
  const numbers = (values: readonly number[]): string =>
    values.map((value) => value.toFixed(3).padStart(9)).join("");
  const line = ({ without, with: updated, p99Ratio }: Round, round: number): string =>
    `  ${`${round + 1}`.padEnd(6)}${numbers([without.p50, without.p99, updated.p50, updated.p99, p99Ratio])}`;
  const titles = ["p50", "p99", "p50", "p99", "ratio"].map((title) => title.padStart(9)).join("");
  return [
    `LeNet-5 through connect(), mode ${mode}, ratio ${ratio}, ${arrivals} arrivals: ` +
      `${requestsPerSecond.toFixed(0)} per second (utilisation ${utilisation}), in ms:`,
    `  ${"".padEnd(6)}${"no updates".padStart(18)}${`${updatesPerSecond} per second`.padStart(18)}`,
    `  ${"round".padEnd(6)}${titles}`,
    ...report.rounds.map(line),
    ...refusals(report.rounds),
    `  median ratio of p99 ${report.p99Ratio.toFixed(3)}, of p50 ${report.p50Ratio.toFixed(3)}; ` +
      `${report.updatesApplied} updates applied`,
  ].join("\n");
}

function refusals(rounds: readonly Round[]): readonly string[] {
  const refused = rounds.reduce(
    (sum, round) => sum + round.without.refused + round.with.refused,
    0,
  );
  if (refused === 0) return [];
  return [`  ${refused} requests were refused: the machine is too busy for this load`];
}
