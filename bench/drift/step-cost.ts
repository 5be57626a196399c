import { cloneState, type ModelState, preprocessBatch, Random, type Sample } from "@everfresh/core";
import {
  adam,
  lenet5,
  openTrainingSession,
  type TrainingBatch,
  type TrainingSession,
} from "@everfresh/engine";
import { assembleBatch, DriftWatch } from "@everfresh/learn";
import { digits } from "@everfresh/streams";
import { median } from "../statistics.ts";
import { CLASSES, DIGIT_PIXELS } from "./digits-record.ts";

const PIXELS = 784;
/** New samples per step, and samples in its batch. */
const TRIGGER = 8;
const BATCH = 128;
/** Images, which come again and again in an order that is drawn. */
const IMAGES = 4_000;
/** Steps before anything is timed: for compilers, caches and a model that knows something. */
const WARM_UP = 300;
/** Samples in which the signals get their references, which are timed apart. */
const FIRST = 2_000;
/** Steps of a block: looks of signals at every 50th sample are spread evenly over blocks. */
const BLOCK_STEPS = 50;
const ROUNDS = 60;

/** What is done beside a step. */
type Beside = "nothing" | "a pause" | "signals" | "signals and predictions" | "gradient";
const BESIDE: readonly Beside[] = [
  ...(["nothing", "a pause", "signals", "signals and predictions", "gradient"] as const),
];

/** What watching takes of a training step of LeNet-5. */
export interface StepCostRow {
  readonly beside: Beside;
  /** Milliseconds of a step with it: median of the blocks. */
  readonly stepMs: number;
  /** Part that it adds to a step: median over rounds, each beside its own plain block, */
  readonly overhead: number;
  /** and its interval at 95 %. */
  readonly overheadLow: number;
  readonly overheadHigh: number;
  /** Microseconds per sample that the default signals took, by the clock around them: median of blocks. */
  readonly signalMicros: number | null;
  /** The same while they got their references: mean. */
  readonly firstSignalMicros: number | null;
  /** Microseconds that it took to make inputs of a sample's features: median of blocks. */
  readonly inputMicros: number | null;
  /** What signals took of a plain step, by the clock around them: median over rounds. */
  readonly signalPart: number | null;
}

/**
 * Times blocks of steps alone, with the default signals looking at the new samples and their labels, with
 * the pinned state's predictions of these samples, too, and with the gradient measured, in turns. Workers
 * that have waited are slower to wake, whatever was done meanwhile: a pause as long as signals take, in
 * which nothing is done, tells how much that is.
 */
export async function stepCostRows(): Promise<readonly StepCostRow[]> {
  const options = { optimizer: adam(), batchSize: BATCH };
  await using plain = await openTrainingSession(lenet5(), options);
  const withGradient = { ...options, measureGradient: true };
  await using measuring = await openTrainingSession(lenet5(), withGradient);
  const world = await worldOf(plain);
  for (const batch of world.batches) await measuring.step(batch);
  const watched = new WatchedSteps(world, plain);
  const unwatched = new WatchedSteps(world, measuring);
  await watched.block(FIRST / TRIGGER, "signals");
  const first = watched.clocks.signalMicros;
  const times = new Map(BESIDE.map((beside) => [beside, [] as number[]]));
  const clocks: Clocks[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    // Each comes first, second, and so on equally often.
    for (let i = 0; i < BESIDE.length; i++) {
      const beside = BESIDE[(round + i) % BESIDE.length] ?? "nothing";
      const steps = beside === "gradient" ? unwatched : watched;
      times.get(beside)?.push(await steps.block(BLOCK_STEPS, beside));
      if (beside === "signals") clocks.push(watched.clocks);
    }
  }
  const alone = times.get("nothing") ?? [];
  const parts = clocks.map(({ signalMicros }, i) => (TRIGGER * signalMicros) / (alone[i] ?? NaN));
  const ofClocks = {
    signalMicros: median(clocks.map(({ signalMicros }) => signalMicros)),
    firstSignalMicros: first,
    inputMicros: median(clocks.map(({ inputMicros }) => inputMicros)),
    signalPart: median(parts) / 1_000,
  };
  const none = { signalMicros: null, firstSignalMicros: null, inputMicros: null, signalPart: null };
  return BESIDE.map((beside) => {
    const own = times.get(beside) ?? [];
    const added = own.map((ms, i) => ms / (alone[i] ?? NaN) - 1);
    const timed = { stepMs: median(own), overhead: median(added), ...medianInterval(added) };
    return { beside, ...timed, ...(beside === "signals" ? ofClocks : none) };
  });
}

/** Microseconds per sample of a block. */
interface Clocks {
  readonly signalMicros: number;
  readonly inputMicros: number;
}

/** Batches, and samples with what the pinned state says of them. */
interface World {
  readonly batches: readonly TrainingBatch[];
  readonly samples: readonly Sample[];
  readonly pinned: ModelState;
  /** As a run has them: of what is trained, deployed and pinned; here all the same. */
  readonly outputs: readonly Float32Array[];
}

async function worldOf(session: TrainingSession): Promise<World> {
  const random = new Random(3);
  const samples: Sample[] = [];
  for await (const sample of digits({ seed: 3, size: IMAGES }).read()) samples.push(sample);
  const batches = Array.from({ length: WARM_UP }, () => {
    const drawn = Array.from({ length: BATCH }, () => samples[random.below(IMAGES)] as Sample);
    return assembleBatch(DIGIT_PIXELS, drawn);
  });
  for (const batch of batches) await session.step(batch);
  const pinned = cloneState(session.state, { shared: true });
  const { inputs } = assembleBatch(DIGIT_PIXELS, samples);
  const logits = await session.predict(pinned, inputs, IMAGES);
  const outputs = samples.map((_, i) => {
    const own = logits.subarray(i * CLASSES, (i + 1) * CLASSES);
    return Float32Array.from({ length: 3 * CLASSES }, (_each, at) => own[at % CLASSES] ?? NaN);
  });
  return { batches, samples, pinned, outputs };
}

/** Steps in blocks, with something beside them. */
class WatchedSteps {
  readonly #world: World;
  readonly #session: TrainingSession;
  readonly #drift: DriftWatch;
  readonly #random = new Random(4);
  #sequence = 0;
  #step = 0;
  #signalsMs = 0;
  #inputsMs = 0;
  #watched = 1;

  constructor(world: World, session: TrainingSession) {
    this.#world = world;
    this.#session = session;
    this.#drift = new DriftWatch({
      ...{ spec: {}, features: PIXELS, classes: CLASSES, seed: 1 },
      ...{ initial: world.pinned, preprocessing: DIGIT_PIXELS },
    });
    this.#drift.begin(0, 0);
  }

  /** Of the last block with signals alone. */
  get clocks(): Clocks {
    const [signals, inputs] = [this.#signalsMs, this.#inputsMs];
    return {
      signalMicros: (1_000 * signals) / this.#watched,
      inputMicros: (1_000 * inputs) / this.#watched,
    };
  }

  /** Milliseconds per step. */
  async block(steps: number, beside: Beside): Promise<number> {
    const pauseMs = (TRIGGER * (this.#signalsMs + this.#inputsMs)) / this.#watched;
    if (beside === "signals") [this.#signalsMs, this.#inputsMs, this.#watched] = [0, 0, 0];
    const startMs = performance.now();
    for (let i = 0; i < steps; i++) {
      await this.#session.step(this.#world.batches[this.#step++ % WARM_UP] as TrainingBatch);
      if (beside === "a pause") pause(pauseMs);
      if (beside === "signals" || beside === "signals and predictions") await this.#look(beside);
    }
    return (performance.now() - startMs) / steps;
  }

  async #look(beside: Beside): Promise<void> {
    const { samples, pinned } = this.#world;
    const drawn = Array.from({ length: TRIGGER }, () => this.#random.below(IMAGES));
    const features = drawn.map((at) => samples[at]?.features ?? new Float32Array(PIXELS));
    const startMs = performance.now();
    const inputs = preprocessBatch(DIGIT_PIXELS, features);
    const madeMs = performance.now();
    if (beside === "signals and predictions") {
      await this.#session.predict(pinned, inputs, TRIGGER);
    }
    const fromMs = performance.now();
    drawn.forEach((at, k) => this.#watch(at, inputs.subarray(k * PIXELS, (k + 1) * PIXELS)));
    if (beside !== "signals") return;
    this.#inputsMs += madeMs - startMs;
    this.#signalsMs += performance.now() - fromMs;
    this.#watched += TRIGGER;
  }

  /** What a run does for a sample whose label comes with it. */
  #watch(image: number, inputs: Float32Array): void {
    const { samples, outputs } = this.#world;
    const sample = samples[image];
    if (sample === undefined) return;
    const sequence = this.#sequence++;
    const own = outputs[image] ?? new Float32Array(0);
    const prediction = { sample, version: 0, outputs: own };
    const label = { sequence, label: sample.label, outputs: own };
    this.#drift.turn(sequence, prediction, [label], { inputs });
  }
}

/** Keeps this thread busy with nothing. */
function pause(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

/** Between these order statistics the median is in 95 of 100 cases: n / 2 ± 0.98 √n. */
function medianInterval(values: readonly number[]): {
  readonly overheadLow: number;
  readonly overheadHigh: number;
} {
  const sorted = values.toSorted((a, b) => a - b);
  const [middle, half] = [sorted.length / 2, 0.98 * Math.sqrt(sorted.length)];
  const at = (place: number): number =>
    sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(place)))] ?? NaN;
  return { overheadLow: at(middle - half), overheadHigh: at(middle + half) };
}
