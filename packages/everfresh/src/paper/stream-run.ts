import type { ModelState } from "@everfresh/core";
import type { TrainingSession } from "@everfresh/engine";
import {
  CostAccount,
  type Costs,
  costsOf,
  type Iteration,
  outcomesOf,
  perform,
  type Strategy,
  strategyOf,
  type StrategySpec,
} from "@everfresh/learn";
import type { Follower } from "./follower.ts";
import { performKept } from "./kept-retraining.ts";
import type { SeedRun } from "./seed-run.ts";
import { StreamScore } from "./stream-score.ts";
import type { TrainedUpdates } from "./trained-updates.ts";

/** Shares of the stream after which the states are tested on the test set. */
const CHECKPOINTS = [0.8, 0.85, 0.9, 0.95, 1];
/** Samples that are tested together where nothing happens between them. */
const TESTED_TOGETHER = 1_000;

/** How one strategy goes over the stream. */
export interface StreamOptions {
  readonly strategy: StrategySpec;
  /** Samples until something may happen. */
  readonly every: number;
  /** Takes the steps; the session of the run where nothing else does. */
  readonly learner: Pick<TrainingSession, "step"> & { readonly indices?: Uint32Array };
  /** What sending all that training changes would take. */
  readonly updates: TrainedUpdates | null;
  readonly followers: readonly Follower[];
  /** Whether the states are tested on the way, or only at the end. */
  readonly checkpoints: boolean;
}

/** How a state did. */
export interface StateScore {
  readonly stream: StreamScore;
  /** On the test set, at {@link CHECKPOINTS} or at the end only. */
  readonly tests: readonly number[];
  /** The same with fresh statistics of BatchNormalization; empty without. */
  readonly recalibratedTests: readonly number[];
}

/** What came of it. */
export interface StreamOutcome {
  readonly trained: StateScore;
  /** In the order of the followers. */
  readonly followers: readonly StateScore[];
  /** Of training and of testing the trained state. */
  readonly costs: Costs;
}

/** A state that is tested. */
interface Tested {
  readonly state: ModelState;
  readonly stream: StreamScore;
  readonly tests: number[];
  readonly recalibratedTests: number[];
  /** Null for the state that is trained. */
  readonly follower: Follower | null;
}

/**
 * One strategy over the stream: each chunk is tested first, on the trained state and on those that
 * follow it, then it arrives, and the strategy says what to train on.
 */
export async function runStream(run: SeedRun, options: StreamOptions): Promise<StreamOutcome> {
  const { experiment, seed, session, history, clock, signal } = run;
  const { initialSamples, streamSamples } = experiment;
  await session.restore(run.initial.checkpoint);
  const states = [null, ...options.followers].map((follower): Tested => ({
    state: follower?.state ?? session.state,
    stream: new StreamScore(streamSamples),
    tests: [],
    recalibratedTests: [],
    follower,
  }));
  const costs = new CostAccount();
  const spec = options.strategy;
  const strategy = strategyOf(spec, { seed, clock, history, past: initialSamples });
  const stops = options.checkpoints ? CHECKPOINTS : [1];
  const end = initialSamples + streamSamples;
  for (let at = initialSamples; at < end;) {
    signal?.throwIfAborted();
    const until = Math.min(nextEvent(at - initialSamples, options.every) + initialSamples, end);
    await testChunk(run, states, costs, { from: at, to: until });
    strategy.on({ kind: "arrived", samples: until - at });
    at = until;
    // A retraining that comes due with the last sample would be tested on nothing.
    const isOver = at === end && spec.kind === "fullRetraining";
    if (!isOver) await trainWhileDue(run, options, { strategy, costs, atEnd: at === end });
    const done = (at - initialSamples) / streamSamples;
    while (states[0] !== undefined && done >= (stops[states[0].tests.length] ?? Infinity)) {
      await testAll(run, states, { costs, isFinal: done === 1, past: strategy.past });
    }
  }
  const [trained, ...followers] = states;
  if (trained === undefined) throw new Error("a run has a trained state");
  return { trained, followers, costs: costs.costs };
}

/** Where the next chunk ends, in samples of the stream. */
function nextEvent(at: number, every: number): number {
  return at + Math.min(TESTED_TOGETHER, every - (at % every));
}

/** Performs what the strategy asks for, and lets the others follow. */
async function trainWhileDue(
  run: SeedRun,
  { learner, updates, followers }: StreamOptions,
  loop: { readonly strategy: Strategy; readonly costs: CostAccount; readonly atEnd: boolean },
): Promise<void> {
  const { strategy, costs, atEnd } = loop;
  for (;;) {
    const iteration = await strategy.next(atEnd);
    if (iteration === null) return;
    updates?.before();
    const result = await performFrom(run, iteration, learner);
    updates?.after(learner.indices ?? null);
    costs.add(costsOf(result));
    strategy.on({ kind: "ended", samples: result.samples, durationMs: result.durationMs });
    for (const follower of followers) await follower.follow(run.session.state, strategy.past);
    run.onWork(FOLLOWER_WORK * followers.length);
  }
}

/** Work of a follower, tests included, in units of one step. */
export const FOLLOWER_WORK = 0.2;

/** Trains with one learner, from the initial state where it is a cold start. */
export function performFrom(
  run: Omit<SeedRun, "initial">,
  iteration: Iteration,
  learner: Pick<TrainingSession, "step">,
): ReturnType<typeof perform> {
  if (iteration.kind === "retraining") return performKept(iteration, run, learner);
  const { session, batches, clock, onWork, signal } = run;
  return perform(iteration, {
    session: {
      state: session.state,
      step: (batch) => learner.step(batch),
      restore: (checkpoint) => session.restore(checkpoint),
    },
    batches,
    clock,
    onStep: () => onWork(1),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Tests all states on samples that they have not learned from; the trained one's time counts. */
async function testChunk(
  { session, batches, clock }: SeedRun,
  states: readonly Tested[],
  costs: CostAccount,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<void> {
  const batch = await batches.read(Array.from({ length: to - from }, (_, i) => from + i));
  const startMs = clock.monotonicMs();
  const [trained, ...others] = states;
  if (trained === undefined) return;
  const outcomes = await outcomesOf(session, trained.state, batch);
  costs.add({ evaluateSeconds: (clock.monotonicMs() - startMs) / 1_000 });
  trained.stream.record(outcomes);
  await Promise.all(
    others.map(async ({ state, stream }) => stream.record(await outcomesOf(session, state, batch))),
  );
}

async function testAll(
  run: SeedRun,
  states: readonly Tested[],
  at: { readonly costs: CostAccount; readonly isFinal: boolean; readonly past: number },
): Promise<void> {
  const { test, clock, experiment } = run;
  const samples = at.isFinal ? Infinity : experiment.checkpointTestSamples;
  for (const { state, tests, recalibratedTests, follower } of states) {
    const startMs = clock.monotonicMs();
    tests.push(await test.accuracy(run, state, samples));
    if (follower === null) {
      at.costs.add({ evaluateSeconds: (clock.monotonicMs() - startMs) / 1_000 });
      continue;
    }
    const recalibrated = await follower.recalibrated(at.past);
    if (recalibrated === null) continue;
    recalibratedTests.push(await test.accuracy(run, recalibrated, samples));
  }
}
