import { Random, stateBytes, streamOf, systemClock } from "@everfresh/core";
import {
  openTrainingSession,
  type TrainingCheckpoint,
  type TrainingSession,
} from "@everfresh/engine";
import {
  batchReader,
  type Costs,
  perform,
  type RetrainingIteration,
  StrategyRun,
  type StrategyStanding,
} from "@everfresh/learn";
import { type History, memoryHistory } from "@everfresh/streams";
import type { OpenedStream, StreamExperiment } from "./experiments.ts";
import { BATCH_SIZE, type NamedStrategy } from "./strategies.ts";

/** Newest samples of the accuracy that curves show. */
export const WINDOW = 500;

/** What one strategy did on one stream with one seed. */
export interface StreamRow {
  readonly experiment: string;
  readonly lag: number;
  readonly seed: number;
  readonly strategy: string;
  readonly scale: number;
  /** Samples of the stream, all of which are predicted before they are learned. */
  readonly samples: number;
  readonly accuracy: number;
  readonly kappaTemporal: number | null;
  /** Of the last label that had arrived, and of the most frequent one. */
  readonly noChangeAccuracy: number;
  readonly majorityAccuracy: number;
  readonly costs: Costs;
  /** Accuracy over the newest {@link WINDOW} samples, after every `curveEvery` ones. */
  readonly curveEvery: number;
  readonly curve: readonly number[];
}

/** A row, and whether each prediction was right: 1 or 0. */
export interface StreamRun {
  readonly row: Omit<StreamRow, "experiment" | "scale">;
  readonly hits: Uint8Array;
}

/** Looks on while a strategy runs, and may tell it what it sees. */
export interface StreamWatch {
  /** Predictions were scored: whether those from number `from` on were right, 1 or 0. */
  scored(from: number, hits: Uint8Array): void;
  /** The sample of this number has arrived, and all that follows from it is done. */
  arrived(number: number, run: StrategyRun): Promise<void>;
}

/** What a {@link StreamWatch} looks at. */
export interface WatchedStream extends OpenedStream {
  /** Trains the state that predicts. */
  readonly session: TrainingSession;
  readonly seed: number;
}

/** The training on the samples that are known before the stream begins. */
export function initialTraining(
  samples: number,
  { initialEpochs: epochs }: StreamExperiment,
  seed: number,
): RetrainingIteration {
  return {
    kind: "retraining",
    samples: [{ from: 0, to: samples }],
    start: "warm",
    epochs,
    batchSize: BATCH_SIZE,
    order: new Random(seed, streamOf("initial training")).position,
    ...{ past: 0, skipped: 0, fresh: samples, why: "initial training" },
  };
}

/** What the rows of one stream and one seed start from: a model trained on the initial samples. */
export class StreamStart implements AsyncDisposable {
  readonly #opened: OpenedStream;
  readonly #session: TrainingSession;
  readonly #trained: TrainingCheckpoint;

  private constructor(opened: OpenedStream, session: TrainingSession, trained: TrainingCheckpoint) {
    this.#opened = opened;
    this.#session = session;
    this.#trained = trained;
  }

  /** Trains a model on the initial samples. */
  static async of(
    opened: OpenedStream,
    experiment: StreamExperiment,
    seed: number,
  ): Promise<StreamStart> {
    const session = await openTrainingSession(opened.model, {
      optimizer: experiment.optimizer,
      batchSize: BATCH_SIZE,
      plan: { workers: 1, threadsPerWorker: 1 },
    });
    await using history = await initialHistory(opened);
    await perform(initialTraining(opened.initial.length, experiment, seed), {
      session,
      batches: batchReader(history, opened.preprocessing),
      clock: systemClock,
    });
    return new StreamStart(opened, session, session.checkpoint());
  }

  /** One strategy on the whole stream. */
  async run(
    named: NamedStrategy,
    { lag, seed, curveEvery }: Pick<StreamRow, "lag" | "seed" | "curveEvery">,
    watchOf?: (watched: WatchedStream) => StreamWatch | null,
  ): Promise<StreamRun> {
    const { stream, preprocessing, target, model } = this.#opened;
    await this.#session.restore(this.#trained);
    await using history = await initialHistory(this.#opened);
    const hits = new Uint8Array(stream.length);
    const watch = watchOf?.({ ...this.#opened, session: this.#session, seed }) ?? null;
    const run = new StrategyRun({
      strategies: [
        {
          name: named.name,
          spec: named.spec,
          session: this.#session,
          initial: stateBytes(model.state).slice(),
        },
      ],
      history,
      preprocessing,
      evaluation: { target: { kind: "classes", count: target.count }, windowSamples: WINDOW },
      seed,
      clock: systemClock,
      lagSamples: lag,
      onScored: ({ from, hits: scored }) => {
        hits.set(scored, from);
        watch?.scored(from, scored);
      },
    });
    for (const sample of stream) {
      await run.arrive(sample);
      await watch?.arrived(run.arrived - 1, run);
    }
    await run.finish();
    const [standing] = run.standings();
    if (standing === undefined) throw new Error("a strategy that is compared has a standing");
    const row = {
      ...{ lag, seed, strategy: named.name, samples: stream.length, curveEvery },
      ...scoresOf(standing),
      costs: standing.costs,
      curve: curveOf(hits, curveEvery),
    };
    return { row, hits };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#session[Symbol.asyncDispose]());
  }
}

async function initialHistory({ initial }: OpenedStream): Promise<History> {
  const history = memoryHistory();
  await history.append(initial);
  return history;
}

function scoresOf({
  states,
}: StrategyStanding): Pick<
  StreamRow,
  "accuracy" | "kappaTemporal" | "noChangeAccuracy" | "majorityAccuracy"
> {
  const scores = states[0]?.scores.cumulative;
  return {
    accuracy: scores?.accuracy ?? 0,
    kappaTemporal: scores?.kappaTemporal ?? null,
    noChangeAccuracy: scores?.noChangeAccuracy ?? 0,
    majorityAccuracy: scores?.majorityAccuracy ?? 0,
  };
}

/** Point i is the accuracy over the {@link WINDOW} samples before sample (i + 1) · every. */
export function curveOf(hits: Uint8Array, every: number): readonly number[] {
  const curve: number[] = [];
  let right = 0;
  hits.forEach((hit, n) => {
    right += hit - (n >= WINDOW ? (hits[n - WINDOW] ?? 0) : 0);
    if ((n + 1) % every === 0) curve.push(right / Math.min(n + 1, WINDOW));
  });
  return curve;
}
