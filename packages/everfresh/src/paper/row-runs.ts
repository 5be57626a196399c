import { streamOf } from "@everfresh/core";
import { costsOf, type Iteration, type StrategySpec } from "@everfresh/learn";
import { AverageCopy } from "./average-copy.ts";
import { openContinued } from "./continued-run.ts";
import type { Follower } from "./follower.ts";
import { everyOf, type FollowedGroup, type RowGroup, type SingleGroup } from "./row-group.ts";
import type { RowResult } from "./row-result.ts";
import { followerResult, onceTrained, trainedResult } from "./row-values.ts";
import type {
  FrozenRow,
  FullRetrainingRow,
  GradientsRow,
  OnlineRow,
  ProactiveRow,
} from "./row-spec.ts";
import type { InitialModel } from "./row-store.ts";
import type { SeedRun } from "./seed-run.ts";
import { SparseGradients } from "./sparse-gradients.ts";
import { performFrom, runStream } from "./stream-run.ts";
import { DenseUpdates, SparseUpdates, type TrainedUpdates } from "./trained-updates.ts";
import { WeightsCopy } from "./weights-copy.ts";

/** Computes the rows of a group. */
export function runGroup(run: SeedRun, group: RowGroup): Promise<readonly RowResult[]> {
  return group.kind === "followed" ? runFollowed(run, group) : runSingle(run, group);
}

/** The initial training: every row of a seed begins with what it comes to. */
export async function trainInitially(run: Omit<SeedRun, "initial">): Promise<InitialModel> {
  const { session, experiment } = run;
  const iteration = retrainingOn(run, experiment.initialSamples);
  const result = await performFrom(run, iteration, session);
  return {
    checkpoint: session.checkpoint(),
    steps: result.steps,
    trainSeconds: result.trainMs / 1_000,
  };
}

/** Some epochs from scratch on the first samples. */
function retrainingOn(
  { experiment, seed }: Pick<SeedRun, "experiment" | "seed">,
  to: number,
): Iteration {
  const { epochs, batchSize } = experiment;
  return {
    kind: "retraining",
    past: 0,
    skipped: 0,
    fresh: to,
    samples: [{ from: 0, to }],
    start: "cold",
    epochs,
    batchSize,
    order: { seed, stream: streamOf("initial training"), drawn: 0 },
    why: "asked for",
  };
}

async function runFollowed(run: SeedRun, group: FollowedGroup): Promise<readonly RowResult[]> {
  const { trained } = group;
  if (trained.kind === "proactive") return await runWithFollowers(run, group);
  await using continued = await openContinued(run, trained);
  return await runWithFollowers(continued.run, group);
}

async function runWithFollowers(run: SeedRun, group: FollowedGroup): Promise<readonly RowResult[]> {
  const { session, initial, experiment, clock } = run;
  await session.restore(initial.checkpoint);
  const followers = group.followers.map((row): Follower =>
    row.kind === "average"
      ? new AverageCopy(row, session.state, run)
      : new WeightsCopy(row, session.state, run),
  );
  const { trained } = group;
  const { batchSize } = experiment;
  const every = everyOf(trained, experiment);
  const isOnline = trained.kind === "continued" && trained.strategy === "online";
  const updates = group.withTrained ? new DenseUpdates(session.state, clock) : null;
  const outcome = await runStream(run, {
    strategy: isOnline
      ? { kind: "online", batchSize }
      : { kind: "proactive", triggerSize: every, batchSize },
    every,
    learner: session,
    updates,
    followers,
    checkpoints: true,
  });
  return [
    ...(updates === null ? [] : [trainedResult(run, trained, { outcome, updates })]),
    ...followers.map((follower, i) => followerResult(run, follower, { outcome, at: i })),
  ];
}

async function runSingle(run: SeedRun, { row }: SingleGroup): Promise<readonly RowResult[]> {
  switch (row.kind) {
    case "frozen":
    case "online":
    case "proactive":
      return [await runDense(run, row)];
    case "fullRetraining":
      return [row.on === "everything" ? await runOnEverything(run, row) : await runDense(run, row)];
    case "gradients":
      return [await runGradients(run, row)];
    default:
      return row satisfies never;
  }
}

/** Rows whose whole state is deployed. */
type DenseRow = FrozenRow | OnlineRow | ProactiveRow | FullRetrainingRow;

async function runDense(run: SeedRun, row: DenseRow): Promise<RowResult> {
  const { session, clock } = run;
  const isRetraining = row.kind === "fullRetraining";
  // Of few updates every one is weighed.
  const updates = new DenseUpdates(session.state, clock, ...(isRetraining ? [1] : []));
  const outcome = await runStream(run, {
    strategy: strategyFor(row, run),
    every: eventsOf(row, run),
    learner: session,
    updates,
    followers: [],
    checkpoints: row.kind === "online" || row.kind === "proactive",
  });
  return trainedResult(run, row, { outcome, updates });
}

function strategyFor(row: DenseRow, { experiment }: SeedRun): StrategySpec {
  const { batchSize, retrainingEvery, epochs } = experiment;
  switch (row.kind) {
    case "frozen":
      return { kind: "frozen" };
    case "online":
      return { kind: "online", batchSize };
    case "proactive":
      return { kind: "proactive", triggerSize: row.triggerSize, batchSize };
    case "fullRetraining": {
      const trigger = { kind: "byCount", samples: retrainingEvery } as const;
      return { kind: "fullRetraining", trigger, start: "cold", epochs, batchSize };
    }
    default:
      return row satisfies never;
  }
}

function eventsOf(row: DenseRow, { experiment }: SeedRun): number {
  if (row.kind === "proactive") return row.triggerSize;
  return row.kind === "online" ? experiment.batchSize : experiment.retrainingEvery;
}

async function runGradients(run: SeedRun, row: GradientsRow): Promise<RowResult> {
  const { session, initial, experiment, seed, clock } = run;
  await session.restore(initial.checkpoint);
  const { optimizer } = initial.checkpoint;
  const learner = new SparseGradients(session, row, { optimizer, seed, clock });
  const triggerSize = Math.min(...experiment.triggerSizes);
  const updates: TrainedUpdates =
    row.optimizer === "sgd"
      ? new SparseUpdates(session.state, clock)
      : new DenseUpdates(session.state, clock);
  const outcome = await runStream(run, {
    strategy: { kind: "proactive", triggerSize, batchSize: experiment.batchSize },
    every: triggerSize,
    learner,
    updates,
    followers: [],
    checkpoints: true,
  });
  return trainedResult(run, row, { outcome, updates, selectSeconds: learner.selectSeconds });
}

/** The last row of Table 3: trained once on all samples that there are, tested on the test set. */
async function runOnEverything(run: SeedRun, row: FullRetrainingRow): Promise<RowResult> {
  const { session, experiment, test, clock } = run;
  const { initialSamples, streamSamples } = experiment;
  const result = await performFrom(run, retrainingOn(run, initialSamples + streamSamples), session);
  const startMs = clock.monotonicMs();
  const finalTestAccuracy = await test.accuracy(run, session.state);
  const evaluateSeconds = (clock.monotonicMs() - startMs) / 1_000;
  return onceTrained(run, row, {
    finalTestAccuracy,
    costs: { ...costsOf(result), evaluateSeconds },
  });
}
