/**
 * What sampling costs beside the training step that it is for: every sampler on a long history, and
 * a real step of LeNet-5 on the batch that it draws.
 */
import { parseArgs } from "node:util";
import { Random } from "@everfresh/core";
import { lenet5, openTrainingSession } from "@everfresh/engine";
import { samplerOf, type SamplerSpec } from "@everfresh/learn";
import { wholeOption } from "./option-values.ts";
import { median, quantile } from "./statistics.ts";
import { withSettings } from "./with-settings.ts";

const USAGE = `Usage: npm run bench -- samplers [options]

Times the draws of every sampler from a long history, beside a training step of LeNet-5.

  --positions N   samples in the history (default 1,000,000)
  --batch N       samples per step, b (default 128)
  --trigger N     new samples per step, t (default 8)
  --draws N       draws per sampler and round (default 300)
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

/** Draws before the first one that counts. */
const WARM_UP = 30;

interface Options {
  readonly positions: number;
  readonly batch: number;
  readonly trigger: number;
  readonly draws: number;
}

interface Row {
  readonly sampler: string;
  /** Median and mean time of a draw, with what entered the history before it. */
  readonly drawMs: number;
  readonly drawMsMean: number;
  /** Median time of a training step. */
  readonly stepMs: number;
  /** Time to make the index of the history once, when a run starts. */
  readonly startMs: number;
  /** Bytes of its part of a checkpoint. */
  readonly checkpointBytes: number;
  /**
   * Steps per second with sampling, as a part of those without: by the medians, and by the fastest
   * tenth of draws and steps, which other programs on the machine disturb least.
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
      rows.push(await measured(name, spec, options, () => trained.step()));
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
  step: () => Promise<void>,
): Promise<Row> {
  const sampler = samplerOf(spec, new Random(1));
  const factsOf = (from: number, to: number): { eventTimeMs: number; label: number }[] =>
    Array.from({ length: to - from }, (_, i) => ({
      eventTimeMs: 1_000 * (from + i),
      label: (from + i) % 10,
    }));
  const known = factsOf(0, positions);
  const startedAtMs = performance.now();
  sampler.observe?.(known);
  sampler.draw(0, positions);
  const startMs = performance.now() - startedAtMs;
  const count = sampler.reach === "all" ? batch : batch - trigger;
  const [drawTimes, stepTimes]: [number[], number[]] = [[], []];
  for (let i = -WARM_UP; i < draws; i++) {
    const limit = positions + (i + WARM_UP) * trigger;
    const fresh = factsOf(limit, limit + trigger);
    const before = performance.now();
    sampler.draw(count, limit);
    sampler.observe?.(fresh);
    const between = performance.now();
    // A real step, so that the draw finds the caches as training leaves them.
    await step();
    if (i < 0) continue;
    drawTimes.push(between - before);
    stepTimes.push(performance.now() - between);
  }
  const [drawMs, stepMs] = [median(drawTimes), median(stepTimes)];
  const fastStepMs = quantile(stepTimes, 0.1);
  return {
    sampler: name,
    drawMs,
    drawMsMean: drawTimes.reduce((sum, ms) => sum + ms, 0) / draws,
    stepMs,
    startMs,
    checkpointBytes: sampler.checkpoint?.().length ?? 0,
    throughput: stepMs / (stepMs + drawMs),
    throughputUndisturbed: fastStepMs / (fastStepMs + quantile(drawTimes, 0.1)),
  };
}

/** Steps of LeNet-5 on a batch of this size. */
async function lenetSteps(size: number): Promise<AsyncDisposable & { step(): Promise<void> }> {
  const session = await openTrainingSession(lenet5({ seed: 1 }), {
    optimizer: { kind: "adam", learningRate: 1e-3 },
    batchSize: size,
  });
  const random = new Random(2);
  const inputs = Float32Array.from({ length: size * 784 }, () => random.float());
  const targets = Int32Array.from({ length: size }, () => random.below(10));
  return {
    step: async () => {
      await session.step({ inputs, targets, size });
    },
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}

function print({ positions, batch, trigger }: Options, rows: readonly Row[]): void {
  console.log(
    `history of ${positions} samples, b = ${batch}, t = ${trigger}, a step of LeNet-5 for each draw\n`,
  );
  console.log(
    "| sampler | draw, ms (mean) | step, ms | throughput kept | undisturbed | start, ms | checkpoint, bytes |",
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
  for (const row of rows) {
    console.log(
      `| ${row.sampler} | ${row.drawMs.toFixed(4)} (${row.drawMsMean.toFixed(4)}) | ` +
        `${row.stepMs.toFixed(2)} | ${(100 * row.throughput).toFixed(1)} % | ` +
        `${(100 * row.throughputUndisturbed).toFixed(1)} % | ` +
        `${row.startMs.toFixed(0)} | ${row.checkpointBytes} |`,
    );
  }
}
