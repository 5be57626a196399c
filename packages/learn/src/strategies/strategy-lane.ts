import { assert, preprocessBatch, type Preprocessing, stateBytes } from "@everfresh/core";
import { ResumeMismatchError } from "../errors.ts";
import { timerSleep } from "../pace.ts";
import type { TriggerSpec } from "../triggers/trigger-spec.ts";
import type { Arrival, ArrivalQueue } from "./arrival-queue.ts";
import type { BatchReader } from "./batch-reader.ts";
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
  readonly batches: BatchReader;
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

  /** All that it remembers. */
  async checkpoint(): Promise<StrategyLaneCheckpoint> {
    await this.#test();
    return {
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
    const { arrivals, options } = this.#shared;
    const startMs = options.clock.monotonicMs();
    const unseen = arrivals.range(this.#predicted, arrivals.count);
    if (unseen.length > 0) {
      const inputs = inputsOf(unseen, options.preprocessing);
      for (const state of this.#states) {
        state.predicted(await this.#own.session.predict(state.state, inputs, unseen.length));
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
    const { options, batches, store } = this.#shared;
    await this.#test();
    await store();
    const iteration = await this.strategy.next(atEnd);
    assert(iteration !== null, "an iteration that was due begins");
    const { clock, signal, onStep } = options;
    const result = await perform(iteration, {
      session: this.#own.session,
      batches,
      clock,
      initial: this.#initial,
      ...(signal === undefined ? {} : { signal }),
      ...(onStep === undefined ? {} : { onStep: (progress) => onStep(this.name, progress) }),
    });
    this.strategy.on({ kind: "ended", samples: result.samples, durationMs: result.durationMs });
    this.#account.add(costsOf(result));
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

/** The samples as the model takes them. */
function inputsOf(arrivals: readonly Arrival[], preprocessing: Preprocessing): Float32Array {
  return preprocessBatch(
    preprocessing,
    arrivals.map(({ sample }) => sample.features),
  );
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
