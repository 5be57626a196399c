import type { Costs } from "@everfresh/learn";
import type { Follower } from "./follower.ts";
import type { RowCost, RowResult } from "./row-result.ts";
import { type Compression, type ContinuedRow, rowName, type RowSpec } from "./row-spec.ts";
import type { SeedRun } from "./seed-run.ts";
import type { StateScore, StreamOutcome } from "./stream-run.ts";
import type { TrainedUpdates } from "./trained-updates.ts";

type Identity = Pick<
  RowResult,
  "strategy" | "mode" | "selector" | "ratio" | "triggerSize" | "continuation"
>;

const DENSE = { mode: null, selector: null, ratio: null } as const;

/** What a row is, beside its name and its seed. */
function identityOf(row: RowSpec, { experiment }: Pick<SeedRun, "experiment">): Identity {
  const smallest = Math.min(...experiment.triggerSizes);
  switch (row.kind) {
    case "frozen":
      return { strategy: "frozen", ...DENSE, triggerSize: null };
    case "online":
      return { strategy: "online", ...DENSE, triggerSize: experiment.batchSize };
    case "fullRetraining": {
      const triggerSize = row.on === "past" ? experiment.retrainingEvery : null;
      return { strategy: "fullRetraining", ...DENSE, triggerSize };
    }
    case "proactive":
      return { strategy: "proactive", ...DENSE, triggerSize: row.triggerSize };
    case "continued": {
      const { strategy } = row;
      const triggerSize = strategy === "online" ? experiment.batchSize : smallest;
      return { strategy, ...DENSE, triggerSize, ...continuationOf(row) };
    }
    case "weights":
    case "gradients": {
      const { selector } = row.compression;
      const ratio = ratioOf(row.compression);
      const sparse = { mode: row.kind, selector, ratio, triggerSize: smallest } as const;
      const of = row.kind === "weights" ? row.of : undefined;
      return { strategy: "proactive", ...sparse, ...continuationOf(of) };
    }
    case "average": {
      const average = { mode: "weights", selector: "average", ratio: null } as const;
      const { of } = row;
      return { strategy: "proactive", ...average, triggerSize: smallest, ...continuationOf(of) };
    }
    default:
      return row satisfies never;
  }
}

function continuationOf(row: ContinuedRow | undefined): Pick<RowResult, "continuation"> {
  if (row === undefined) return {};
  const { moments, rate } = row;
  return { continuation: { moments, rate } };
}

function ratioOf(compression: Compression): number | null {
  return compression.selector === "qsgd" ? null : compression.ratio;
}

/** The row of a trained state. */
export function trainedResult(
  run: SeedRun,
  row: RowSpec,
  parts: {
    readonly outcome: StreamOutcome;
    readonly updates: TrainedUpdates;
    /** Seconds that choosing parts of gradients has taken. */
    readonly selectSeconds?: number;
  },
): RowResult {
  const { outcome, updates, selectSeconds = 0 } = parts;
  const { costs } = outcome;
  return {
    ...resultOf(run, row, outcome.trained),
    trainSeconds: costs.trainSeconds,
    steps: costs.steps,
    samplesTrained: costs.samples,
    updates: updates.account.updates,
    ...updates.account.means(),
    cost: costOf(costs, {
      selection: updates.selectSeconds + selectSeconds,
      encoding: updates.encodeSeconds,
    }),
  };
}

/** The row of a state that follows a trained one: training is the trained one's, the rest its own. */
export function followerResult(
  run: SeedRun,
  follower: Follower,
  { outcome, at }: { readonly outcome: StreamOutcome; readonly at: number },
): RowResult {
  const { costs, followers } = outcome;
  const score = followers[at];
  if (score === undefined) throw new Error(`follower ${at} has no score`);
  const nothing = { entriesPerUpdate: null, bytesPerUpdate: null, changedPerUpdate: null };
  return {
    ...resultOf(run, follower.row, score),
    trainSeconds: costs.trainSeconds,
    steps: costs.steps,
    samplesTrained: costs.samples,
    updates: follower.updates?.updates ?? 0,
    ...(follower.updates?.means() ?? nothing),
    cost: costOf(costs, { selection: follower.selectSeconds, encoding: follower.encodeSeconds }),
  };
}

/** The row of a state that was trained once and never met the stream. */
export function onceTrained(
  run: SeedRun,
  row: RowSpec,
  {
    finalTestAccuracy,
    costs,
  }: { readonly finalTestAccuracy: number; readonly costs: Partial<Costs> },
): RowResult {
  const {
    trainSeconds = 0,
    steps = 0,
    samples = 0,
    preprocessSeconds = 0,
    evaluateSeconds = 0,
  } = costs;
  return {
    name: rowName(row),
    ...identityOf(row, run),
    seed: run.seed,
    cumulativeAccuracy: null,
    finalTestAccuracy,
    lastCheckpointsAccuracy: null,
    checkpointAccuracies: [finalTestAccuracy],
    trainSeconds,
    steps,
    samplesTrained: samples,
    updates: 0,
    entriesPerUpdate: null,
    bytesPerUpdate: null,
    changedPerUpdate: null,
    cost: costOf(
      { trainSeconds, preprocessSeconds, evaluateSeconds },
      { selection: 0, encoding: 0 },
    ),
    curve: [],
    windows: [],
  };
}

function resultOf(
  run: SeedRun,
  row: RowSpec,
  { stream, tests, recalibratedTests }: StateScore,
): Pick<
  RowResult,
  | keyof Identity
  | "name"
  | "seed"
  | "cumulativeAccuracy"
  | "finalTestAccuracy"
  | "lastCheckpointsAccuracy"
  | "checkpointAccuracies"
  | "recalibratedAccuracies"
  | "curve"
  | "windows"
> {
  const finalTestAccuracy = tests.at(-1);
  if (finalTestAccuracy === undefined) throw new Error("a state was never tested");
  const hasMore = tests.length > 1;
  return {
    name: rowName(row),
    ...identityOf(row, run),
    seed: run.seed,
    cumulativeAccuracy: stream.accuracy,
    finalTestAccuracy,
    lastCheckpointsAccuracy: hasMore ? tests.reduce((a, b) => a + b, 0) / tests.length : null,
    checkpointAccuracies: tests,
    recalibratedAccuracies: recalibratedTests,
    curve: stream.curve,
    windows: stream.windows,
  };
}

function costOf(
  costs: Pick<Costs, "preprocessSeconds" | "trainSeconds" | "evaluateSeconds">,
  own: Pick<RowCost, "selection" | "encoding">,
): RowCost {
  const { preprocessSeconds, trainSeconds, evaluateSeconds } = costs;
  return {
    preprocessing: preprocessSeconds,
    training: trainSeconds,
    evaluation: evaluateSeconds,
    ...own,
  };
}
