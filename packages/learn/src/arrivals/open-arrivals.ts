import { bytesPerElement, sizeOf } from "@everfresh/core";
import { paceOf, timerSleep } from "../pace.ts";
import { batchSizeOf, type StrategySpec } from "../strategies/strategy-spec.ts";
import type { TrainingRun } from "../training-run.ts";
import type { Arrivals } from "./arrivals.ts";
import type { ArrivalsOptions } from "./arrivals-options.ts";
import { FollowedArrivals } from "./followed-arrivals.ts";
import { LabelledArrivals } from "./labelled-arrivals.ts";
import { LateArrivals } from "./late-arrivals.ts";

/** Samples that may have come where they need not wait for each step, in batches, */
const AHEAD_BATCHES = 64;
/** and what they may take, in bytes: a part of any machine's memory. */
const AHEAD_BYTES_MAX = 64 * 2 ** 20;

/** Lets samples arrive from now on, until `end`. */
export function openArrivals(run: TrainingRun, end: AbortSignal): Promise<Arrivals> {
  const { options, preprocessor } = run;
  const { source, history, session, evaluation, deployed } = options;
  const { clock, labels, signal, drift, sleep = timerSleep } = options;
  const arrivals: ArrivalsOptions = {
    ...{ source, history, preprocessor, session, evaluation, drift, clock, sleep },
    states: () => ({
      // In the middle of a retraining the trained state is no one's model.
      trained: run.isRetraining ? deployed.state : session.state,
      deployed: deployed.state,
      version: deployed.version,
    }),
    testedFrom: run.tested,
    capacity: capacityOf(run),
    pace: paceOf(options),
    signal: signal === undefined ? end : AbortSignal.any([signal, end]),
  };
  if (labels === undefined) return Promise.resolve(new LabelledArrivals(arrivals));
  const { join, lagSamples } = labels;
  return lagSamples === null
    ? FollowedArrivals.open(arrivals, { join, lagSamples })
    : LateArrivals.open(arrivals, { join, lagSamples });
}

function capacityOf({ options }: TrainingRun): number {
  const { strategy, source } = options;
  const least = leastOf(strategy);
  // Where labels follow, any number of samples may come between those of a step.
  if (isLockstep(strategy) && source.following === undefined) return least;
  const { dtype, shape } = source.schema.features;
  const affordable = Math.floor(AHEAD_BYTES_MAX / (sizeOf(shape) * bytesPerElement(dtype)));
  return Math.max(least, Math.min(AHEAD_BATCHES * batchSizeOf(strategy), affordable));
}

/** So many samples are worth looking at: those of a step where nothing but their number decides. */
export function leastOf(spec: StrategySpec): number {
  if (spec.kind === "online") return spec.batchSize;
  return spec.kind === "proactive" && spec.trigger === undefined
    ? Math.max(1, spec.triggerSize)
    : 1;
}

/** Whether the source waits while the samples of one step do. */
export function isLockstep(spec: StrategySpec): boolean {
  if (spec.kind === "frozen" || spec.kind === "fullRetraining") return false;
  if ((spec.overload ?? "block") !== "block") return false;
  return spec.kind === "online" || (spec.trigger === undefined && spec.triggerSize > 0);
}
