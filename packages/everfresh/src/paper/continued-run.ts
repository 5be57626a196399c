import {
  decodeOptimizerState,
  encodeOptimizerState,
  optimizerOf,
  type OptimizerSpec,
  type Schedule,
} from "@everfresh/engine";
import type { Continuation, StreamRate } from "./continuation.ts";
import { OPTIMIZERS, paperAdam } from "./optimizers.ts";
import { everyOf } from "./row-group.ts";
import type { ContinuedRow } from "./row-spec.ts";
import type { SeedRun } from "./seed-run.ts";
import { openSeedSession } from "./seed-session.ts";

/** The run of a seed with a session of its own. */
export interface ContinuedRun extends AsyncDisposable {
  readonly run: SeedRun;
}

/** Opens a session whose optimizer goes on as the row says; it is closed with what is given back. */
export async function openContinued(run: SeedRun, row: ContinuedRow): Promise<ContinuedRun> {
  const { experiment, initial, model } = run;
  const streamSteps = Math.ceil(experiment.streamSamples / everyOf(row, experiment));
  const { optimizer, spec } = continuedOptimizer(row, {
    optimizer: initial.checkpoint.optimizer,
    parameterCount: model.state.layout.parameterCount,
    streamSteps,
  });
  const session = await openSeedSession(run, spec);
  const checkpoint = { ...initial.checkpoint, optimizer };
  return {
    run: { ...run, session, initial: { ...initial, checkpoint } },
    [Symbol.asyncDispose]: async () => session[Symbol.asyncDispose](),
  };
}

/** An optimizer, and what it remembers, as a checkpoint has it. */
export interface ContinuedOptimizer {
  readonly spec: OptimizerSpec;
  readonly optimizer: Uint8Array;
}

/**
 * The optimizer of the stream, from what that of the initial training remembers.
 * @throws CorruptCheckpointError, CheckpointMismatchError when that is damaged or of another model
 */
export function continuedOptimizer(
  { moments, rate }: Continuation,
  initial: {
    readonly optimizer: Uint8Array;
    readonly parameterCount: number;
    readonly streamSteps: number;
  },
): ContinuedOptimizer {
  const { parameterCount, streamSteps } = initial;
  const optimizer = optimizerOf(OPTIMIZERS.adam);
  const state = optimizer.init(parameterCount);
  if (moments !== "none") {
    decodeOptimizerState(initial.optimizer, optimizer, state, parameterCount);
  }
  if (moments === "second") state.slots[optimizer.slots.indexOf("firstMoment")]?.fill(0);
  return {
    spec: paperAdam(scheduleOf(rate, { stepsBefore: state.step, streamSteps })),
    optimizer: encodeOptimizerState(optimizer, state, parameterCount),
  };
}

/** The rate as a function of the steps that the optimizer has taken, those before the stream included. */
export function scheduleOf(
  rate: StreamRate,
  { stepsBefore, streamSteps }: { readonly stepsBefore: number; readonly streamSteps: number },
): number | Schedule {
  if (rate.kind === "constant") return rate.learningRate;
  const schedule = streamSchedule(rate, streamSteps);
  return stepsBefore === 0 ? schedule : { kind: "rewarmUp", schedule, at: [stepsBefore] };
}

/** The rate as a function of the steps of the stream. */
function streamSchedule(
  rate: Exclude<StreamRate, { kind: "constant" }>,
  streamSteps: number,
): Exclude<Schedule, { kind: "rewarmUp" }> {
  const { learningRate } = rate;
  switch (rate.kind) {
    case "rise":
      return { kind: "warmUp", learningRate, warmUpSteps: rate.steps };
    case "inverseSquareRoot": {
      const { riseSteps } = rate;
      return { kind: rate.kind, learningRate, steps: riseSteps, warmUpSteps: riseSteps };
    }
    case "cosine":
      return { kind: "cosine", learningRate, steps: streamSteps };
    case "falling": {
      const every = Math.ceil(streamSteps / rate.parts);
      return { kind: "step", learningRate, every, factor: rate.factor };
    }
    default:
      return rate satisfies never;
  }
}
