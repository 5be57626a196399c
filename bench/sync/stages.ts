/**
 * Where the time of one update goes in the trainer, beside what memory alone asks for, and what the
 * whole of it adds to training: steps without updates and with them, in turns.
 */
import { deployCopy, type DeployedState, type ModelState } from "@everfresh/core";
import { adam, openTrainingSession } from "@everfresh/engine";
import { type Sparsifier, topK } from "@everfresh/learn";
import { encodeUpdate } from "@everfresh/sync";
import { openUpdateLog, undoRecordOf, type UpdateLog } from "@everfresh/sync/node";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median, quantile } from "../statistics.ts";
import { workloadOf } from "../workloads.ts";
import { realBatches } from "./real-batches.ts";
import { VALUE_TYPES, type ValuesName } from "./wire-arithmetic.ts";

/** What to measure. */
export interface StagesSettings {
  readonly model: string;
  readonly ratio: number;
  readonly values: readonly ValuesName[];
  /** Steps of a round. */
  readonly steps: number;
  readonly batch: number;
  readonly folder: string;
}

/** Milliseconds of each stage: medians over the updates. */
export interface StageTimes {
  readonly values: ValuesName;
  /** By how much a step is longer in which the workers look at what they move for the selection. */
  readonly lookMs: number;
  /** What is left of the selection after the step. */
  readonly selectMs: number;
  /** Fingerprint and bytes. */
  readonly encodeMs: number;
  /** With its undo record, without making the disk write. */
  readonly logMs: number;
  readonly applyMs: number;
  /** Of the four after the step: the median of their sums. */
  readonly sumMs: number;
  /** What a tenth of the sums stays below: of a shared machine, the moments that it was ours. */
  readonly sumMsLow: number;
  /** The highest sum. */
  readonly sumMsMax: number;
  /** Making the disk write, which a log does only where it was asked to. */
  readonly fsyncMs: number;
  readonly updateBytes: number;
  /** A step with a selection over one without: median of the rounds. */
  readonly overheadOfTopK: number;
  /** A step with a whole update over one without: median of the rounds. */
  readonly overhead: number;
}

/** What the stages come to. */
export interface StagesReport {
  readonly model: string;
  readonly parameters: number;
  readonly batch: number;
  readonly ratio: number;
  readonly data: string;
  /** Median of steps without an update. */
  readonly stepMs: number;
  /**
   * One core reads as much as both states, again and again, and does nothing else: less than a
   * selection takes for it, since after a step they are in no cache any more.
   */
  readonly readMs: number;
  readonly stages: readonly StageTimes[];
}

const ROUNDS = 10;
const WARM_UP_STEPS = 3;
/** What runs once per update is compiled only after dozens of them. */
const WARM_UP_UPDATES = 40;
/** Between steps with updates and steps without. */
const STEPS_BETWEEN = 4;

/** Trains with and without updates. */
export async function stages(settings: StagesSettings): Promise<StagesReport> {
  const { model: name, batch, folder, ratio } = settings;
  const workload = workloadOf(name);
  const model = workload.model();
  const batches = await realBatches(workload, folder);
  await using session = await openTrainingSession(model, {
    optimizer: adam({ learningRate: 1e-3 }),
    batchSize: batch,
    plan: { workers: 2 },
  });
  const step = async (): Promise<number> => {
    const samples = batches.next(batch);
    const startMs = performance.now();
    await session.step(samples);
    return performance.now() - startMs;
  };
  for (let i = 0; i < WARM_UP_STEPS; i++) await step();
  const stepMs: number[] = [];
  const found: StageTimes[] = [];
  for (const values of settings.values) {
    await using trainer = await UpdatingTrainer.open(session.state, ratio, values);
    for (let i = 0; i < WARM_UP_UPDATES; i++) {
      await step();
      await trainer.updateAndFlush();
    }
    const rounds: Overhead[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      console.error(`${values}: round ${round + 1} of ${ROUNDS}`);
      const dense: number[] = [];
      const looking: number[] = [];
      const selecting: number[] = [];
      const sparse: number[] = [];
      // A selection goes by the one before, and workers look while anybody selects: so the first
      // steps of a kind still belong to the other one.
      for (let i = 0; i < STEPS_BETWEEN; i++) await step();
      for (let i = 0; i < settings.steps; i++) dense.push(await step());
      for (let i = 0; i < STEPS_BETWEEN; i++) {
        await step();
        await trainer.updateAndFlush();
      }
      for (let i = 0; i < settings.steps; i++) {
        const ms = await step();
        const { selectMs, sumMs } = await trainer.update();
        looking.push(ms);
        selecting.push(ms + selectMs);
        sparse.push(ms + sumMs);
      }
      stepMs.push(...dense);
      const without = median(dense);
      rounds.push({
        lookMs: median(looking) - without,
        overheadOfTopK: median(selecting) / without,
        overhead: median(sparse) / without,
      });
    }
    const of = (key: keyof Overhead): number => median(rounds.map((round) => round[key]));
    found.push({
      ...trainer.times(),
      lookMs: of("lookMs"),
      overheadOfTopK: of("overheadOfTopK"),
      overhead: of("overhead"),
    });
  }
  const { parameterCount } = model.state.layout;
  return {
    ...{ model: name, parameters: parameterCount, batch, ratio, data: batches.name },
    stepMs: median(stepMs),
    readMs: readMs(parameterCount),
    stages: found,
  };
}

type Overhead = Pick<StageTimes, "lookMs" | "overheadOfTopK" | "overhead">;

interface Times {
  readonly selectMs: number;
  readonly encodeMs: number;
  readonly logMs: number;
  readonly applyMs: number;
  readonly updateBytes: number;
}

/** What a trainer does after a step. */
class UpdatingTrainer implements AsyncDisposable {
  readonly #trained: ModelState;
  readonly #deployed: DeployedState;
  readonly #sparsifier: Sparsifier;
  readonly #values: ValuesName;
  readonly #log: UpdateLog;
  readonly #folder: string;
  readonly #times: Times[] = [];
  readonly #fsyncMs: number[] = [];

  private constructor(
    trained: ModelState,
    ratio: number,
    values: ValuesName,
    place: { readonly log: UpdateLog; readonly folder: string },
  ) {
    this.#trained = trained;
    this.#deployed = deployCopy(trained, 0, { shared: true, kernels: true });
    this.#sparsifier = topK({ ratio, valueType: VALUE_TYPES[values].type });
    this.#values = values;
    this.#log = place.log;
    this.#folder = place.folder;
  }

  static async open(
    trained: ModelState,
    ratio: number,
    values: ValuesName,
  ): Promise<UpdatingTrainer> {
    const folder = await mkdtemp(join(tmpdir(), "everfresh-bench-"));
    const log = await openUpdateLog({ file: join(folder, "log.sqlite") });
    return new UpdatingTrainer(trained, ratio, values, { log, folder });
  }

  /** One update; returns what its selection and what all of it took, in milliseconds. */
  async update(): Promise<{ readonly selectMs: number; readonly sumMs: number }> {
    const deployed = this.#deployed;
    const { layout, buffer } = deployed.state;
    const startMs = performance.now();
    const change = this.#sparsifier.select(this.#trained, deployed.state);
    const selectedMs = performance.now();
    const update = deployed.updateFor({ ...change, buffers: [] }, Date.now());
    const base = new Uint32Array(buffer, 0, layout.parameterCount);
    const bytes = encodeUpdate(update, { layout, base });
    const encodedMs = performance.now();
    const undo = undoRecordOf(deployed.state, update);
    await this.#log.append(update, bytes, { undo });
    const loggedMs = performance.now();
    deployed.apply(update);
    const appliedMs = performance.now();
    this.#times.push({
      selectMs: selectedMs - startMs,
      encodeMs: encodedMs - selectedMs,
      logMs: loggedMs - encodedMs,
      applyMs: appliedMs - loggedMs,
      updateBytes: bytes.length,
    });
    return { selectMs: selectedMs - startMs, sumMs: appliedMs - startMs };
  }

  /** An update of which only the fsync counts: what a disk does goes on for a while after it. */
  async updateAndFlush(): Promise<void> {
    await this.update();
    this.#times.pop();
    const startMs = performance.now();
    await this.#log.flush();
    this.#fsyncMs.push(performance.now() - startMs);
  }

  times(): Omit<StageTimes, keyof Overhead> {
    const of = (key: keyof Times): number => median(this.#times.map((each) => each[key]));
    const sums = this.#times.map(
      ({ selectMs, encodeMs, logMs, applyMs }) => selectMs + encodeMs + logMs + applyMs,
    );
    return {
      values: this.#values,
      selectMs: of("selectMs"),
      encodeMs: of("encodeMs"),
      logMs: of("logMs"),
      applyMs: of("applyMs"),
      sumMs: median(sums),
      sumMsLow: quantile(sums, 0.1),
      sumMsMax: Math.max(...sums),
      fsyncMs: median(this.#fsyncMs),
      updateBytes: of("updateBytes"),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#log[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true });
  }
}

/** The median time in which memory is compared with equal memory: each byte of both is read. */
function readMs(parameters: number): number {
  const [a, b] = [Buffer.alloc(4 * parameters, 1), Buffer.alloc(4 * parameters, 1)];
  const times = Array.from({ length: 15 }, () => {
    const startMs = performance.now();
    if (!a.equals(b)) throw new Error("equal memory differs");
    return performance.now() - startMs;
  });
  return median(times);
}

/** The report for people. */
export function table({ model, ratio, batch, stepMs, readMs, ...rest }: StagesReport): string {
  const columns = ["look", "select", "encode", "log", "apply", "sum", "lowest", "highest", "fsync"];
  return [
    `${model} (${rest.parameters} parameters), ${100 * ratio} %, batch ${batch}, ${rest.data}`,
    `a step without updates: ${stepMs.toFixed(1)} ms; one core reads both states again and again:`,
    `${readMs.toFixed(2)} ms; after a step they are in no cache any more. Look: how much longer a step`,
    "is in which both workers look at what they move; the sum is what follows the step",
    `values  ${columns.map((column) => column.padStart(8)).join("")}     bytes  top-k / dense, all / dense`,
    ...rest.stages.map((each) => {
      const { lookMs, selectMs, encodeMs, logMs, applyMs, sumMs, sumMsLow, sumMsMax } = each;
      const stages = [lookMs, selectMs, encodeMs, logMs, applyMs];
      const times = [...stages, sumMs, sumMsLow, sumMsMax, each.fsyncMs];
      const cells = times.map((ms) => ms.toFixed(2).padStart(8)).join("");
      const bytes = each.updateBytes.toFixed(0).padStart(10);
      const ratios = [each.overheadOfTopK, each.overhead].map((ratio) => ratio.toFixed(3));
      return `${each.values.padEnd(8)}${cells}${bytes}  ${ratios.join(", ")}`;
    }),
  ].join("\n");
}
