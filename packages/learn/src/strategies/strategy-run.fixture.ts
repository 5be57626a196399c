/** A small world for runs of strategies: a stream of points, and sessions that train in no time. */
import { ManualClock, numeric, type Sample } from "@everfresh/core";
import { type History, memoryHistory } from "@everfresh/streams";
import { type LinearModel, linearModel, LinearSession } from "../linear-session.fixture.ts";
import { points } from "../points.fixture.ts";
import type { ComparedStrategy, StrategyRunOptions } from "./strategy-run-options.ts";
import type { StrategySpec } from "./strategy-spec.ts";

const INPUTS = 6;
const CLASSES = 3;

/** Samples in the history before a run. */
export const PAST = 60;

/** What the sessions train. */
export const pointsModel: LinearModel = linearModel(INPUTS, CLASSES);

/** `count` samples of the stream from number `from` on. */
export async function streamed(from: number, count: number): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  const source = points({ size: from + count, inputs: INPUTS, classes: CLASSES });
  for await (const sample of source.read({ from })) samples.push(sample);
  return samples;
}

/** A history of the first `count` samples of the stream. */
export async function pastOf(count: number): Promise<History> {
  const history = memoryHistory();
  await history.append(await streamed(0, count));
  return history;
}

/** Strategies by name, each with a session of its own. */
export function compared(
  specs: Readonly<Record<string, StrategySpec>>,
): (ComparedStrategy & { readonly session: LinearSession })[] {
  return Object.entries(specs).map(([name, spec]) => ({
    name,
    spec,
    session: new LinearSession(pointsModel),
  }));
}

/** Options of a run after {@link PAST} samples, with the defaults of these tests. */
export async function runOptions(
  options: Pick<StrategyRunOptions, "strategies"> & Partial<StrategyRunOptions>,
): Promise<StrategyRunOptions> {
  return {
    history: options.history ?? (await pastOf(PAST)),
    preprocessing: numeric(INPUTS),
    evaluation: { target: { kind: "classes", count: CLASSES }, windowSamples: 50 },
    seed: 5,
    clock: new ManualClock(1_000),
    ...options,
  };
}
