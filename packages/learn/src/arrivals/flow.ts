import { assert, type Sample } from "@everfresh/core";
import { timerSleep } from "../pace.ts";
import type { Strategy } from "../strategies/strategy.ts";
import type { TrainingRun } from "../training-run.ts";
import type { Arrivals } from "./arrivals.ts";
import { leastOf } from "./open-arrivals.ts";

/** Samples of the history that are looked at in one go: bounds the memory that it takes. */
const AT_ONCE = 256;

/**
 * Samples in the history that the strategy does not know of yet, because a retraining runs or a budget
 * holds it back: many are good, but at some point nobody can catch up with them. The source then waits.
 */
const UNTOLD_MAX = 65_536;

/** How often to look whether a retraining is done while samples arrive. */
const LOOK_EVERY_MS = 20;

/**
 * Tells the strategy what has arrived: one sample after another until training is due, so that nothing
 * depends on how many came together; or all at once where waiting samples are to count together.
 */
export async function tell(run: TrainingRun): Promise<void> {
  const { strategy, options } = run;
  const { history } = options;
  for (;;) {
    const from = strategy.samples;
    const to = Math.min(history.count(), from + Math.min(strategy.room, AT_ONCE));
    if (to <= from) return;
    const samples = await history.range(from, to);
    const together = Math.min(to, togetherUntil(run)) - from;
    if (together > 0) tellOf(strategy, samples.slice(0, together));
    for (const sample of samples.slice(Math.max(0, together))) {
      if (strategy.decide().isDue) return;
      tellOf(strategy, [sample]);
    }
  }
}

/** Samples below this position count together. */
function togetherUntil({ options, cameMeanwhile }: TrainingRun): number {
  const { strategy } = options;
  if (strategy.kind === "frozen") return Infinity;
  if (strategy.kind === "fullRetraining") return strategy.overload === "block" ? 0 : cameMeanwhile;
  return (strategy.overload ?? "block") === "block" ? 0 : Infinity;
}

function tellOf(strategy: Strategy, samples: readonly Sample[]): void {
  const eventTimeMs = samples.at(-1)?.eventTimeMs ?? Number.NaN;
  const isKnown = Number.isFinite(eventTimeMs);
  strategy.on({
    kind: "arrived",
    samples: samples.length,
    ...(isKnown ? { eventTimeMs } : {}),
  });
}

/** Tests the samples of the history up to but without `to` that were not tested yet. */
export async function test(run: TrainingRun, arrivals: Arrivals, to: number): Promise<void> {
  const { strategy, costs, options } = run;
  const startMs = options.clock.monotonicMs();
  while (run.tested < to) {
    const from = run.tested;
    const until = Math.min(to, from + AT_ONCE);
    const { count, right } = await arrivals.test(from, until);
    run.tested = until;
    if (count > 0) strategy.on({ kind: "tested", samples: count, score: right / count });
  }
  costs.add({ evaluateSeconds: (options.clock.monotonicMs() - startMs) / 1_000 });
}

/** Whether nothing is left to be trained on once the stream has ended. */
export function isDone({ room, samples, past }: Strategy): boolean {
  // Where samples never wait, none waits for a step.
  return room === Infinity || samples === past;
}

/** Waits for what the strategy needs to look again: samples, or time. */
export async function waitForMore(
  run: TrainingRun,
  arrivals: Arrivals,
  waitMs: number | null,
): Promise<void> {
  const { strategy, options } = run;
  const { history, signal, sleep = timerSleep } = options;
  const untold = history.count() - strategy.samples;
  const most = Math.min(strategy.room, UNTOLD_MAX) - untold;
  if (most > 0 && !arrivals.isOver) {
    const waiting = strategy.samples - strategy.past + untold;
    const least = Math.max(1, leastOf(options.strategy) - waiting);
    await arrivals.receive({ least, most, waitMs });
  } else if (untold === 0 || strategy.room === 0) {
    assert(waitMs !== null, "samples wait for a step that only more of them could bring");
    await sleep(waitMs, signal);
  }
}

/**
 * Lets samples arrive, and tests them, while a retraining is performed. What goes wrong with that goes
 * wrong again when the next samples are asked for.
 */
export async function arriveWhile(
  performing: Promise<unknown>,
  run: TrainingRun,
  from: { readonly arrivals: Arrivals; readonly replayed: number | undefined },
): Promise<void> {
  const { history } = run.options;
  const { arrivals, replayed } = from;
  const until = { isOver: false };
  const over = (): void => {
    until.isOver = true;
  };
  const ending = performing.then(over, over);
  try {
    // In a replay the samples are known that came then.
    if (replayed !== undefined) await test(run, arrivals, replayed);
    else await test(run, arrivals, history.count());
    while (replayed === undefined && !until.isOver && !arrivals.isOver) {
      const most = UNTOLD_MAX - (history.count() - run.strategy.samples);
      if (most <= 0) break;
      await arrivals.receive({ least: 1, most, waitMs: LOOK_EVERY_MS });
      await test(run, arrivals, history.count());
    }
  } catch {
    // See above.
  }
  await ending;
  run.cameMeanwhile = history.count();
}
