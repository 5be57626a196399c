import { assert, type Clock, stateBytes } from "@everfresh/core";
import type { TrainingBatch, TrainingSession } from "@everfresh/engine";
import type { BatchReader } from "./batch-reader.ts";
import type { Costs } from "./cost-account.ts";
import { epochOrders } from "./epoch-order.ts";
import { type Iteration, stepsOf } from "./iteration.ts";

/** What {@link perform} trains with. */
export interface PerformOptions {
  /** Trains θ; used by nobody else meanwhile. */
  readonly session: Pick<TrainingSession, "state" | "step" | "restore">;
  /** Where the samples come from. */
  readonly batches: BatchReader;
  /** Measures the costs. */
  readonly clock: Pick<Clock, "monotonicMs">;
  /** The bytes of the initial state, where a retraining may start from it. */
  readonly initial?: Uint8Array;
  /**
   * Steps of this iteration that have been taken before: the session is at a checkpoint that was made
   * after so many. @default 0
   */
  readonly fromStep?: number;
  /** Is told of every step, with what was done here so far, and waited for. */
  readonly onStep?: (
    progress: IterationProgress,
    soFar: () => IterationResult,
  ) => void | Promise<void>;
  /** Ends the iteration between two steps by rejecting with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** How far an iteration has come. */
export interface IterationProgress {
  /** Steps of it that are done, those before {@link PerformOptions.fromStep} included. */
  readonly step: number;
  /** Steps that it takes in all. */
  readonly steps: number;
  /** Mean loss of the batch before the step. */
  readonly loss: number;
}

/** What an iteration did. */
export interface IterationResult {
  /** Mean loss of each batch before its step, in their order. */
  readonly losses: readonly number[];
  /** Steps taken. */
  readonly steps: number;
  /** Samples trained on, each as often as it was. */
  readonly samples: number;
  /** Time spent on reading and preprocessing samples, in milliseconds. */
  readonly preprocessMs: number;
  /** Time spent on steps, in milliseconds. */
  readonly trainMs: number;
  /** From its beginning to its end, in milliseconds. */
  readonly durationMs: number;
}

/** A step whose samples were all erased: nothing is learned. */
const NOTHING_LEFT = Promise.resolve({ loss: 0, stepMs: 0 });

/**
 * Trains as an iteration says: one step, or the shuffled batches of some epochs, the last one of each
 * being smaller where they do not come out even. From the same state, optimizer and samples it comes to
 * the same bits. While a step runs the next batch is prepared.
 * @throws what session and history throw; the reason of `signal`
 */
export async function perform(
  iteration: Iteration,
  options: PerformOptions,
): Promise<IterationResult> {
  const { session, batches, clock, initial, fromStep = 0, onStep, signal } = options;
  const startMs = clock.monotonicMs();
  let [preprocessMs, trainMs, samples] = [0, 0, 0];
  const losses: number[] = [];
  const steps = stepsOf(iteration);
  if (iteration.kind === "retraining" && iteration.start === "cold" && fromStep === 0) {
    assert(initial !== undefined, "a cold start needs the initial state");
    await session.restore({ state: initial, optimizer: new Uint8Array(0) });
  }
  if (iteration.kind === "step" && iteration.isRewarmed === true) {
    const state = stateBytes(session.state).slice();
    await session.restore({ state, optimizer: new Uint8Array(0) });
  }
  const soFar = (): IterationResult => ({
    ...{ losses, steps: losses.length, samples, preprocessMs, trainMs },
    durationMs: clock.monotonicMs() - startMs,
  });
  const { past } = iteration;
  let before = 0;
  const read = async (positions: readonly number[] | undefined): Promise<TrainingBatch | null> => {
    if (positions === undefined) return null;
    const fromMs = clock.monotonicMs();
    const batch = await batches.read(positions, { past, before });
    before += positions.length;
    preprocessMs += clock.monotonicMs() - fromMs;
    return batch;
  };
  const waiting = batchesOf(iteration);
  for (let step = 0; step < fromStep; step++) before += waiting.next().value?.length ?? 0;
  const nextBatch = (): Promise<TrainingBatch | null> => read(waiting.next().value ?? undefined);
  let batch = await nextBatch();
  while (batch !== null) {
    signal?.throwIfAborted();
    const stepping = batch.size === 0 ? NOTHING_LEFT : session.step(batch);
    samples += batch.size;
    const [{ loss, stepMs }, following] = await bothOf(stepping, nextBatch());
    trainMs += stepMs;
    losses.push(loss);
    await onStep?.({ step: fromStep + losses.length, steps, loss }, soFar);
    batch = following;
  }
  return soFar();
}

/** What an iteration has cost, for a {@link CostAccount}. */
export function costsOf(result: IterationResult): Partial<Costs> {
  const { preprocessMs, trainMs, durationMs, steps, samples } = result;
  return {
    preprocessSeconds: preprocessMs / 1_000,
    trainSeconds: trainMs / 1_000,
    iterationSecondsMax: durationMs / 1_000,
    steps,
    samples,
    iterations: 1,
  };
}

/** The positions of each batch. */
function* batchesOf(iteration: Iteration): Generator<readonly number[], void, void> {
  if (iteration.kind === "step") {
    yield iteration.positions;
    return;
  }
  const { samples, epochs, batchSize, order, stepsMax = Infinity } = iteration;
  let step = 0;
  for (const positions of epochOrders(samples, epochs, order)) {
    for (let at = 0; at < positions.length; at += batchSize) {
      if (step++ >= stepsMax) return;
      yield Array.from(positions.subarray(at, at + batchSize));
    }
  }
}

/** Waits for both, also when one fails: a step that runs on would use the session behind our back. */
async function bothOf<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  const [a, b] = await Promise.allSettled([first, second]);
  if (a.status === "rejected") throw a.reason;
  if (b.status === "rejected") throw b.reason;
  return [a.value, b.value];
}
