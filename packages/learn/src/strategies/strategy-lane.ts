import { assert, type Preprocessor, stateBytes, statisticsIn } from "@everfresh/core";
import { ResumeMismatchError } from "../errors.ts";
import { timerSleep } from "../pace.ts";
import { inputsUnder } from "../preprocessing/inputs-under.ts";
import { initialNow, observeFresh, observePast } from "../preprocessing/observe-samples.ts";
import type { TriggerSpec } from "../triggers/trigger-spec.ts";
import type { ArrivalQueue } from "./arrival-queue.ts";
import { batchReader, type BatchReader, type CachingBatchReader } from "./batch-reader.ts";
import { CostAccount } from "./cost-account.ts";
import { costsOf, perform } from "./perform.ts";
import { StateScores } from "./state-scores.ts";
import type { Strategy, StrategyEvent } from "./strategy.ts";
import { strategyOf } from "./strategy-of.ts";
import type { StrategyLaneCheckpoint } from "./strategy-run-checkpoint.ts";
import type {
  ComparedStrategy,
  StrategyRunOptions,
  StrategyStanding,
} from "./strategy-run-options.ts";
import type { StrategySpec } from "./strategy-spec.ts";

/** Samples that are predicted together at most: enough to keep the runtime busy, and bounded. */
const PREDICTED_TOGETHER = 256;

const TESTED_EVERY_DEFAULT = 32;

/** What all lanes of a run share. */
export interface SharedLane {
  readonly options: StrategyRunOptions;
  readonly arrivals: ArrivalQueue;
  readonly preprocessor: Preprocessor;
  /** What all strategies read; null where each preprocesses by statistics of its own. */
  readonly batches: BatchReader | null;
  /** Samples in the history when the run began. */
  readonly base: number;
  /** Puts the samples whose labels have arrived into the history. */
  readonly store: () => Promise<void>;
}

/**
 * One strategy of a run, with its state, its scores and its account. Its θ changes only in iterations;
 * so what arrives between two of them is predicted together, right before the next one.
 */
export class StrategyLane {
  readonly name: string;
  readonly strategy: Strategy;
  readonly #own: ComparedStrategy;
  readonly #shared: SharedLane;
  readonly #initial: Uint8Array;
  readonly #account: CostAccount;
  /** Null where all strategies share one. */
  readonly #batches: CachingBatchReader | null;
  readonly #states: readonly StateScores[];
  readonly #isToldOfTests: boolean;
  #told: { readonly labels: number; readonly correct: number };
  #predicted: number;
  #labelled: number;

  constructor(own: ComparedStrategy, shared: SharedLane, checkpoint?: StrategyLaneCheckpoint) {
    const { options, base } = shared;
    this.name = own.name;
    this.#own = own;
    this.#shared = shared;
    this.strategy = strategyOf(own.spec, {
      seed: own.seed ?? options.seed,
      clock: options.clock,
      history: options.history,
      past: base,
      excluded: options.excluded ?? [],
      ...(checkpoint === undefined ? {} : { checkpoint: checkpoint.strategy }),
    });
    this.#initial = own.initial ?? checkpoint?.initial ?? stateBytes(own.session.state).slice();
    this.#account = new CostAccount(checkpoint?.costs);
    this.#batches =
      shared.batches !== null
        ? null
        : batchReader(options.history, shared.preprocessor, {
            ...options.features,
            ...{ seed: own.seed ?? options.seed, position: checkpoint?.features },
          });
    this.#isToldOfTests = goesByTests(own.spec);
    this.#told = checkpoint?.told ?? { labels: 0, correct: 0 };
    this.#labelled = this.strategy.samples - base;
    this.#predicted = options.checkpoint?.arrived ?? 0;
    const states = [{ name: "theta", state: own.session.state }, ...(own.followers ?? [])];
    if (checkpoint !== undefined && checkpoint.states.length !== states.length) {
      const what = `the number of states of strategy "${own.name}"`;
      throw new ResumeMismatchError(what, checkpoint.states.length, states.length);
    }
    this.#states = states.map(
      (each, i) => new StateScores(each, options.evaluation, this.#labelled, checkpoint?.states[i]),
    );
  }

  /** Number of the oldest arrival that it still needs. */
  get needs(): number {
    return this.#states[0]?.scored ?? 0;
  }

  /** A sample has arrived. */
  async arrived(): Promise<void> {
    const { count } = this.#shared.arrivals;
    if (count - this.#predicted >= PREDICTED_TOGETHER) await this.#test();
  }

  /** The label of the oldest sample without one has arrived. */
  async labelled(eventTimeMs: number): Promise<void> {
    const { options } = this.#shared;
    await this.#waitForRoom();
    this.#labelled++;
    const { testedEvery = TESTED_EVERY_DEFAULT } = options;
    if (this.#isToldOfTests && this.#labelled - this.#told.labels >= testedEvery) {
      await this.#test();
      this.#tellScores();
    }
    await this.tell({ kind: "arrived", samples: 1, eventTimeMs });
  }

  /** Tells the strategy of an event, and trains if it says so. */
  async tell(event: StrategyEvent): Promise<void> {
    this.strategy.on(event);
    const isPaced = this.strategy.room === Infinity;
    while (this.strategy.decide().isDue) {
      await this.#train();
      // What no sample triggers could go on for ever.
      if (isPaced) return;
    }
  }

  /** The stream is over: trains on what waits, and scores everything. */
  async finish(): Promise<void> {
    const { strategy } = this;
    while (strategy.room !== Infinity && strategy.samples > strategy.past) {
      const { isDue, waitMs } = strategy.decide(true);
      if (isDue) await this.#train(true);
      else await this.#sleep(waitMs);
    }
    await this.#test();
  }

  /** How it stands; takes some milliseconds for each state. */
  standing(): StrategyStanding {
    return {
      name: this.name,
      spec: this.#own.spec,
      iterations: this.strategy.iterations,
      costs: this.#account.costs,
      intake: this.strategy.counters(),
      states: this.#states.map((state) => ({ name: state.name, scores: state.scores() })),
    };
  }

  /** Takes in what preprocessing can learn from the past of the run; before anything arrives. */
  async begin(): Promise<void> {
    const { options, preprocessor, base } = this.#shared;
    const { session } = this.#own;
    await observePast({ ...options, preprocessor, session }, base);
    this.#batches?.follow(statisticsIn(session.state, preprocessor.statistics));
  }

  /** All that it remembers. */
  async checkpoint(): Promise<StrategyLaneCheckpoint> {
    await this.#test();
    const features = this.#batches?.position();
    return {
      ...(features === undefined ? {} : { features }),
      name: this.name,
      strategy: this.strategy.checkpoint(),
      training: this.#own.session.checkpoint(),
      initial: this.#initial,
      costs: this.#account.costs,
      told: this.#told,
      states: this.#states.map((state) => state.checkpoint()),
    };
  }

  /** Predicts what has arrived since the last time, and scores what has labels. */
  async #test(): Promise<void> {
    const { arrivals, options, preprocessor } = this.#shared;
    const startMs = options.clock.monotonicMs();
    const unseen = arrivals.range(this.#predicted, arrivals.count);
    if (unseen.length > 0) {
      const inputs = inputsUnder(
        this.#states.map(({ state }) => state),
        unseen.map(({ sample }) => sample),
        preprocessor,
      );
      for (const [i, state] of this.#states.entries()) {
        const own = inputs[i] ?? new Float32Array(0);
        state.predicted(await this.#own.session.predict(state.state, own, unseen.length));
      }
      this.#predicted += unseen.length;
    }
    const from = this.needs;
    const labelled = arrivals.range(from, this.#labelled);
    for (const state of labelled.length > 0 ? this.#states : []) {
      const hits = state.score(labelled);
      options.onScored?.({ strategy: this.name, state: state.name, from, hits });
    }
    this.#account.add({ evaluateSeconds: (options.clock.monotonicMs() - startMs) / 1_000 });
  }

  #tellScores(): void {
    const correct = this.#states[0]?.correct ?? 0;
    const samples = this.#labelled - this.#told.labels;
    const score = (correct - this.#told.correct) / samples;
    this.#told = { labels: this.#labelled, correct };
    this.strategy.on({ kind: "tested", samples, score });
  }

  async #train(atEnd = false): Promise<void> {
    const { options, preprocessor, store } = this.#shared;
    const { session } = this.#own;
    await this.#test();
    await store();
    const iteration = await this.strategy.next(atEnd);
    assert(iteration !== null, "an iteration that was due begins");
    const { clock, signal, onStep } = options;
    const batches = this.#batches ?? this.#shared.batches;
    assert(batches !== null, "a lane has a reader, its own or that of all");
    const observedMs =
      this.#batches === null
        ? 0
        : await observeFresh(iteration, {
            ...{ options: { ...options, session }, preprocessor, batches: this.#batches },
          });
    const result = await perform(iteration, {
      session,
      batches,
      clock,
      initial: initialNow(this.#initial, session, preprocessor),
      ...(signal === undefined ? {} : { signal }),
      ...(onStep === undefined ? {} : { onStep: (progress) => onStep(this.name, progress) }),
    });
    this.strategy.on({ kind: "ended", samples: result.samples, durationMs: result.durationMs });
    this.#batches?.performed(result.samples);
    this.#account.add(costsOf(result));
    this.#account.add({ preprocessSeconds: observedMs / 1_000 });
    const theta = this.#own.session.state;
    const performed = { number: this.strategy.iterations, iteration, result, theta };
    for (const follower of this.#own.followers ?? []) {
      const costs = await follower.follow(performed);
      if (costs !== undefined) this.#account.add(costs);
    }
    await options.onIteration?.(this.name, performed);
  }

  async #waitForRoom(): Promise<void> {
    while (this.strategy.room === 0) {
      const { isDue, waitMs } = this.strategy.decide();
      if (isDue) await this.#train();
      else await this.#sleep(waitMs);
    }
  }

  async #sleep(waitMs: number | null): Promise<void> {
    const { sleep = timerSleep, signal } = this.#shared.options;
    signal?.throwIfAborted();
    assert(waitMs !== null, "samples wait for a step that only more of them could bring");
    await sleep(waitMs, signal);
  }
}

/** Whether a trigger of the strategy goes by how good predictions are. */
function goesByTests(spec: StrategySpec): boolean {
  if (spec.kind === "frozen" || spec.kind === "online") return false;
  const { trigger } = spec;
  return trigger !== undefined && triggerGoesByTests(trigger);
}

function triggerGoesByTests(spec: TriggerSpec): boolean {
  return "of" in spec && typeof spec.of !== "string"
    ? spec.of.some(triggerGoesByTests)
    : spec.kind === "byPerformanceDrop";
}
