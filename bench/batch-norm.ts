/**
 * What sparse deployment makes of a network with BatchNormalization: one training run, and beside it
 * deployed copies that differ in how much an update brings and in where their statistics come from.
 */
import { parseArgs } from "node:util";
import { deployCopy, image, Random, type Sample, streamOf, systemClock } from "@everfresh/core";
import { adam, openTrainingSession, resnet20 } from "@everfresh/engine";
import {
  assembleBatch,
  BUFFER_BATCHES_DEFAULT,
  LiveEvaluation,
  MemoryCheckpointStore,
  memoryJournal,
  MemoryPublisher,
  proactive,
  topK,
  trainContinuously,
  uniformSampler,
} from "@everfresh/learn";
import { cifar10, memoryHistory, type Source } from "@everfresh/streams";
import { DeployedCopies, type EstimateSource } from "./batch-norm/deployed-copies.ts";
import { type Score, scoreOf, table, versionsTested } from "./batch-norm/score.ts";
import { wholeListOption, wholeOption } from "./option-values.ts";
import { withSettings } from "./with-settings.ts";

const OPTIONS = {
  steps: { type: "string", default: "2000" },
  ratios: { type: "string", default: "0.01,0.001,0.0001" },
  paces: { type: "string", default: "10,50,100,500" },
  batches: { type: "string", default: String(BUFFER_BATCHES_DEFAULT) },
  seed: { type: "string", default: "1" },
  "initial-steps": { type: "string", default: "400" },
  "evaluate-every": { type: "string", default: "500" },
  "test-samples": { type: "string", default: "10000" },
  data: { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

const DATA = process.env["EVERFRESH_DATA"] ?? "../shared/data";

const USAGE = `Usage: npm run bench -- batch-norm [options]

Trains ResNet-20 on CIFAR-10 as a run does: first on 10,000 known samples alone, then with 8 new
samples and 120 old ones per step, by Adam (1e-3, AMSGrad), while deployed copies follow by top-k
updates of float16 values. A copy's BatchNorm statistics are estimated under it every M updates
("paces") and tested when they are newest and oldest; or for comparison they are θ's with every update,
those of the start for ever, or fresh ones for the test. It takes some 10 to 20 minutes.

  --steps N            training steps (default 2000)
  --ratios LIST        shares of the parameters that an update brings (default 0.01,0.001,0.0001)
  --paces LIST         numbers of updates from one estimate to the next (default 10,50,100,500)
  --batches N          batches of 128 samples of an estimate (default ${BUFFER_BATCHES_DEFAULT})
  --seed N             of the model and the samples (default 1)
  --initial-steps N    training steps before the copies are made, 0 for none (default 400)
  --evaluate-every N   steps between short tests on the way (default 500)
  --test-samples N     images of the last test, at most (default 10000)
  --data DIRECTORY     where cifar-10 is (default ${DATA})
  --json               one JSON document instead of the table
  --help               this text`;

const BATCH_SIZE = 128;
const TRIGGER_SIZE = 8;
const KNOWN_SAMPLES = 10_000;
/** Test samples on the way; at the end it is all of them. */
const SHORT_TEST = 2_000;
const PROGRESS_EVERY = 25;

const PREPROCESSING = image({
  width: 32,
  height: 32,
  channels: 3,
  mean: [0.4914, 0.4822, 0.4465],
  std: [0.247, 0.2435, 0.2616],
});

interface Settings {
  readonly steps: number;
  readonly ratios: readonly number[];
  readonly paces: readonly number[];
  readonly batches: number;
  readonly seed: number;
  readonly initialSteps: number;
  readonly evaluateEvery: number;
  readonly testSamples: number;
  readonly folder: string;
  readonly json: boolean;
}

/** The command `batch-norm`; returns the exit status. */
export function batchNorm(args: readonly string[]): Promise<number> {
  return withSettings(args, { usage: USAGE, parse }, async (settings) => {
    const { report, scores } = await measure(settings);
    console.log(
      settings.json ? JSON.stringify({ ...report, scores }) : scores.map(table).join("\n"),
    );
    if (!settings.json) console.log(JSON.stringify(report));
    return 0;
  });
}

function parse(args: readonly string[]): Settings | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false });
  if (values.help) return "help";
  const ratios = values.ratios.split(",").map(Number);
  if (!ratios.every((ratio) => ratio > 0 && ratio <= 1)) {
    throw new Error(`--ratios needs numbers above 0 and at most 1, got "${values.ratios}"`);
  }
  return {
    steps: wholeOption("steps", values.steps),
    ratios,
    paces: wholeListOption("paces", values.paces),
    batches: wholeOption("batches", values.batches),
    seed: wholeOption("seed", values.seed),
    initialSteps:
      values["initial-steps"] === "0" ? 0 : wholeOption("initial-steps", values["initial-steps"]),
    evaluateEvery: wholeOption("evaluate-every", values["evaluate-every"]),
    testSamples: wholeOption("test-samples", values["test-samples"]),
    folder: `${values.data ?? DATA}/cifar-10`,
    json: values.json,
  };
}

interface Report {
  readonly model: string;
  readonly parameters: number;
  readonly buffers: number;
  readonly initialSteps: number;
  readonly steps: number;
  readonly batches: number;
  readonly stepMs: number;
  readonly estimateMs: number;
}

async function measure(
  settings: Settings,
): Promise<{ readonly report: Report; readonly scores: readonly Score[] }> {
  const { steps, ratios, paces, batches, seed, folder, evaluateEvery, initialSteps } = settings;
  const source = await cifar10(
    [1, 2, 3, 4, 5].map((part) => `${folder}/data_batch_${part}.bin.gz`),
  );
  const test = await inMemory(await cifar10([`${folder}/test_batch.bin.gz`]));
  const model = resnet20({ seed });
  await using session = await openTrainingSession(model, {
    optimizer: adam({ learningRate: 1e-3, amsgrad: true }),
    batchSize: BATCH_SIZE,
    plan: { workers: 2 },
  });
  const history = memoryHistory();
  await history.append(await firstOf(source, KNOWN_SAMPLES));
  const sampler = uniformSampler(new Random(seed, streamOf("sampler")));
  const estimates: EstimateSource = {
    session,
    history,
    sampler,
    preprocessing: PREPROCESSING,
    batchSize: BATCH_SIZE,
  };
  const random = uniformSampler(new Random(seed, streamOf("initial training")));
  for (let step = 1; step <= initialSteps; step++) {
    const samples = await history.read(random.draw(BATCH_SIZE, KNOWN_SAMPLES));
    const { loss } = await session.step(assembleBatch(PREPROCESSING, samples));
    if (step % PROGRESS_EVERY === 0) console.error(`initial step ${step}, loss ${loss.toFixed(3)}`);
  }
  const tests = Array.from({ length: Math.floor(steps / evaluateEvery) }, (_, i) => {
    return (i + 1) * evaluateEvery;
  });
  const estimatedAt = new Set([...tests, steps].flatMap((at) => versionsTested(at, paces)));
  const copies = ratios.map((ratio) => {
    return new DeployedCopies(session.state, { ratio, batches, estimatedAt });
  });
  const score = (step: number, limit: number): Promise<Score> =>
    scoreOf(copies, { ...settings, model, step, limit, test, session, estimates });
  const scores: Score[] = [];
  const stepMs: number[] = [];
  const startMs = performance.now();
  for await (const report of trainContinuously({
    ...estimates,
    model,
    session,
    source,
    strategy: proactive({ triggerSize: TRIGGER_SIZE, batchSize: BATCH_SIZE }),
    seed,
    evaluation: new LiveEvaluation({ classes: 10, frozen: null }),
    journal: memoryJournal(),
    sparsifier: topK({ ratio: ratios[0] ?? 1, valueType: "float16" }),
    deployed: deployCopy(session.state, 0),
    publisher: new MemoryPublisher(),
    checkpoints: new MemoryCheckpointStore(),
    clock: systemClock,
    maxSteps: steps,
  })) {
    const { step } = report;
    stepMs.push(report.stepMs);
    for (const copy of copies) await copy.follow(session.state, estimates, report.samples);
    if (step % PROGRESS_EVERY === 0) tellProgress(step, steps, report.loss, startMs);
    if (step % evaluateEvery === 0 && step < steps)
      scores.push(await score(step, Math.min(SHORT_TEST, settings.testSamples)));
  }
  scores.push(await score(steps, settings.testSamples));
  const buffers = model.state.layout.tensors.filter(({ role }) => role === "buffer");
  const report = {
    model: "resnet20",
    parameters: model.state.layout.parameterCount,
    buffers: buffers.reduce((sum, { length }) => sum + length, 0),
    initialSteps,
    steps,
    batches,
    stepMs: stepMs.reduce((sum, ms) => sum + ms, 0) / stepMs.length,
    estimateMs: copies[0]?.estimateMs ?? 0,
  };
  return { report, scores };
}

function tellProgress(step: number, steps: number, loss: number, startMs: number): void {
  const leftMs = ((performance.now() - startMs) / step) * (steps - step);
  const left = `${Math.floor(leftMs / 60_000)} min ${Math.round((leftMs % 60_000) / 1_000)} s left`;
  console.error(`step ${step} of ${steps}, loss ${loss.toFixed(3)}, ${left}`);
}

async function firstOf(source: Source, count: number): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of source.read()) if (samples.push(sample) === count) break;
  return samples;
}

/** The same samples, read once. */
async function inMemory(source: Source): Promise<Source> {
  const samples = await firstOf(source, Infinity);
  return {
    ...source,
    async *read({ from = 0 } = {}): AsyncGenerator<Sample> {
      await Promise.resolve();
      yield* samples.slice(from);
    },
  };
}
