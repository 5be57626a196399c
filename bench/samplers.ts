/**
 * What sampling costs beside the training step that it is for: every sampler in a proactive strategy on
 * a long history, and a real step of LeNet-5 on the batch that it comes to.
 */
import { parseArgs } from "node:util";
import { image, Random, type Sample, systemClock } from "@everfresh/core";
import { lenet5, openTrainingSession, type TrainingBatch } from "@everfresh/engine";
import {
  batchReader,
  proactive,
  samplerOf,
  type SamplerSpec,
  type Strategy,
  strategyOf,
} from "@everfresh/learn";
import type { History } from "@everfresh/streams";
import { wholeOption } from "./option-values.ts";
import { median, quantile } from "./statistics.ts";
import { withSettings } from "./with-settings.ts";

const USAGE = `Usage: npm run bench -- samplers [options]

Times every sampler in a proactive strategy on a long history, beside a training step of LeNet-5:
what deciding and drawing take, and what reading and preprocessing the batch takes.

  --positions N   samples in the history (default 1,000,000)
  --batch N       samples per step, b (default 128)
  --trigger N     new samples per step, t (default 8)
  --draws N       steps per sampler (default 300)
  --json          one JSON document
  --help          this text`;

const OPTIONS = {
  positions: { type: "string", default: "1000000" },
  batch: { type: "string", default: "128" },
  trigger: { type: "string", default: "8" },
  draws: { type: "string", default: "300" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

const SPECS: Readonly<Record<string, SamplerSpec>> = {
  none: { kind: "none" },
  uniform: { kind: "uniform" },
  window: { kind: "window", samples: 10_000 },
  "time-based, half-life 10,000 samples": {
    kind: "timeBased",
    recency: { kind: "halfLifeSamples", samples: 10_000 },
  },
  "time-based, half-life by event time": {
    kind: "timeBased",
    recency: { kind: "halfLifeMs", ms: 10_000_000 },
  },
  "time-based, linear": { kind: "timeBased", recency: { kind: "linear" } },
  "inverse count": { kind: "inverseCount" },
  "class-balanced": { kind: "classBalanced" },
  rolling: { kind: "rolling" },
  reservoir: { kind: "reservoir", capacity: 10_000 },
  "new only by chance": { kind: "newOnlyByChance", from: { kind: "uniform" } },
};

/** Steps before the first one that counts. */
const WARM_UP = 30;

/** Samples of the history that differ: more than caches hold. */
const DISTINCT = 20_000;

const PREPROCESSING = image({ width: 28, height: 28, mean: [0.1307], std: [0.3081] });

interface Options {
  readonly positions: number;
  readonly batch: number;
  readonly trigger: number;
  readonly draws: number;
}

interface Row {
  readonly sampler: string;
  /** Median and mean time of a decision with its draw, and with what the sampler is told before. */
  readonly drawMs: number;
  readonly drawMsMean: number;
  /** Median time of reading and preprocessing the samples of a batch. */
  readonly readMs: number;
  /** Median time of a training step. */
  readonly stepMs: number;
  /** Time to make the index of the history once, when a run starts. */
  readonly startMs: number;
  /** Bytes of its part of a checkpoint. */
  readonly checkpointBytes: number;
  /**
   * Steps per second, as a part of those on the same batches at hand: by the medians, and by the fastest
   * tenth of draws, readings and steps, which other programs on the machine disturb least.
   */
  readonly throughput: number;
  readonly throughputUndisturbed: number;
}

/** The command `samplers`; returns the exit status. */
export function samplers(args: readonly string[]): Promise<number> {
  return withSettings(args, { usage: USAGE, parse }, async ({ json, ...options }) => {
    await using trained = await lenetSteps(options.batch);
    const rows: Row[] = [];
    for (const [name, spec] of Object.entries(SPECS)) {
      rows.push(await measured(name, spec, options, (batch) => trained.step(batch)));
    }
    if (json) console.log(JSON.stringify({ ...options, rows }));
    else print(options, rows);
    return 0;
  });
}

function parse(args: readonly string[]): (Options & { readonly json: boolean }) | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false });
  if (values.help) return "help";
  return {
    positions: wholeOption("positions", values.positions),
    batch: wholeOption("batch", values.batch),
    trigger: wholeOption("trigger", values.trigger),
    draws: wholeOption("draws", values.draws),
    json: values.json,
  };
}

async function measured(
  name: string,
  spec: SamplerSpec,
  { positions, batch, trigger, draws }: Options,
  step: (batch: TrainingBatch) => Promise<void>,
): Promise<Row> {
  const history = longHistory();
  const strategy = strategyOf(
    proactive({ triggerSize: trigger, batchSize: batch, sampler: spec }),
    { seed: 1, clock: systemClock, history, past: positions },
  );
  // Without its memory of preprocessed samples, which a history of this length is too long for.
  const batches = batchReader(history, PREPROCESSING, { cacheBytesMax: 0 });
  const startMs = await startTime(spec, history, positions);
  const times: Record<"draw" | "read" | "step", number[]> = { draw: [], read: [], step: [] };
  for (let i = -WARM_UP; i < draws; i++) {
    const startedMs = performance.now();
    const drawn = await nextPositions(strategy, trigger);
    const drawnMs = performance.now();
    const read = await batches.read(drawn);
    const readMs = performance.now();
    // A real step, so that the draw finds the caches as training leaves them.
    await step(read);
    if (i < 0) continue;
    times.draw.push(drawnMs - startedMs);
    times.read.push(readMs - drawnMs);
    times.step.push(performance.now() - readMs);
  }
  const partOf = (time: (values: readonly number[]) => number): number =>
    time(times.step) / (time(times.step) + time(times.draw) + time(times.read));
  return {
    sampler: name,
    drawMs: median(times.draw),
    drawMsMean: times.draw.reduce((sum, ms) => sum + ms, 0) / draws,
    readMs: median(times.read),
    stepMs: median(times.step),
    startMs,
    checkpointBytes: strategy.checkpoint().sampler?.length ?? 0,
    throughput: partOf(median),
    throughputUndisturbed: partOf((values) => quantile(values, 0.1)),
  };
}

/** New samples arrive, and the strategy says what the next step is on. */
async function nextPositions(strategy: Strategy, trigger: number): Promise<readonly number[]> {
  strategy.on({ kind: "arrived", samples: trigger });
  const iteration = await strategy.next();
  if (iteration?.kind !== "step") throw new Error("a step is due when its samples are there");
  strategy.on({ kind: "ended", samples: iteration.positions.length, durationMs: 1 });
  return iteration.positions;
}

/** Time to make a sampler's index of the history. */
async function startTime(
  spec: SamplerSpec,
  history: Pick<History, "facts">,
  positions: number,
): Promise<number> {
  const sampler = samplerOf(spec, new Random(1));
  const known = await history.facts(0, positions);
  const startedMs = performance.now();
  sampler.observe?.(known);
  sampler.draw(0, positions);
  return performance.now() - startedMs;
}

/** As many samples as anyone asks for, of which some thousand are different. */
function longHistory(): Pick<History, "facts" | "read"> {
  const random = new Random(2);
  const features = Array.from({ length: DISTINCT }, () =>
    Uint8Array.from({ length: 784 }, () => random.below(256)),
  );
  const sampleAt = (position: number): Sample => ({
    id: `${position}`,
    eventTimeMs: 1_000 * position,
    features: features[position % DISTINCT] ?? new Uint8Array(784),
    label: position % 10,
  });
  return {
    facts: (from, to) =>
      Promise.resolve(
        Array.from({ length: to - from }, (_, i) => ({
          eventTimeMs: 1_000 * (from + i),
          label: (from + i) % 10,
        })),
      ),
    read: (positions) => Promise.resolve(positions.map(sampleAt)),
  };
}

/** Steps of LeNet-5 on batches of up to this size. */
async function lenetSteps(
  size: number,
): Promise<AsyncDisposable & { step(batch: TrainingBatch): Promise<void> }> {
  const session = await openTrainingSession(lenet5({ seed: 1 }), {
    optimizer: { kind: "adam", learningRate: 1e-3 },
    batchSize: size,
  });
  return {
    step: async (batch) => {
      await session.step(batch);
    },
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}

function print({ positions, batch, trigger }: Options, rows: readonly Row[]): void {
  console.log(
    `history of ${positions} samples, b = ${batch}, t = ${trigger}, a step of LeNet-5 for each\n`,
  );
  console.log(
    "| sampler | draw, ms (mean) | read, ms | step, ms | throughput kept | undisturbed | start, ms | checkpoint, bytes |",
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- | --- |");
  for (const row of rows) {
    console.log(
      `| ${row.sampler} | ${row.drawMs.toFixed(4)} (${row.drawMsMean.toFixed(4)}) | ` +
        `${row.readMs.toFixed(4)} | ${row.stepMs.toFixed(2)} | ${(100 * row.throughput).toFixed(1)} % | ` +
        `${(100 * row.throughputUndisturbed).toFixed(1)} % | ` +
        `${row.startMs.toFixed(0)} | ${row.checkpointBytes} |`,
    );
  }
}
