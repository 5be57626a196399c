/**
 * One model from start to end: state directory, source, trainer, log, feed and server put together.
 */
import { openTrainingSession } from "@everfresh/engine";
import { type ResolvedModel, resolveModel } from "../config/resolve-model.ts";
import { startServer } from "../http/server.ts";
import {
  differences,
  planToRecord,
  planToResume,
  type Processor,
  type RecordedPlan,
} from "../state/recorded-plan.ts";
import { openStateDirectory, type RunRecord } from "../state/state-directory.ts";
import { ModelRun } from "./model-run.ts";
import { openStores, type Stores } from "./open-stores.ts";
import { Resources } from "./resources.ts";
import { runRecordFor, SEED_DEFAULT } from "./run-goal.ts";
import type { RunModelOptions } from "./run-options.ts";
import { thisProcessor } from "./this-processor.ts";

/**
 * Trains and serves one model until it is done or `signal` aborts, and leaves everything consistent.
 * @throws EverfreshError for everything that is wrong with data, model, state directory or port
 */
export async function runModel(options: RunModelOptions): Promise<void> {
  const resources = new Resources();
  try {
    const directory = openStateDirectory(options.stateDirectory);
    const recorded = directory.readRecord();
    const seed = options.seed ?? recorded?.seed ?? SEED_DEFAULT;
    const resolved = await resolveModel(options.config(seed), seed);
    const stores = await openStores(directory, resources);
    const record = runRecordFor(
      {
        model: resolved.definition.name,
        source: resolved.source.name,
        parameters: resolved.model.state.layout.parameterCount,
        seed: options.seed,
        steps: options.steps,
      },
      recorded,
      stores.checkpoint?.step ?? 0,
    );
    const run = await openRun(options, resolved, record, stores, resources);
    const computing = { plan: planToRecord(run.plan), processor: thisProcessor() };
    warnOfDifferences(options, record, computing);
    const opened = { ...record, ...computing };
    directory.writeRecord(opened);
    await run.anchorFirstVersion();
    // A run that replays first lets replicas in while it trains.
    if (run.ready) await options.beforeTraining?.(() => run.status());
    await run.train();
    if (!options.signal.aborted) directory.writeRecord({ ...opened, goal: null });
    await options.afterTraining(await run.finish());
  } finally {
    await resources.close();
  }
}

/** Opens server and training session, and lets replicas in unless something is to be replayed. */
async function openRun(
  options: RunModelOptions,
  resolved: ResolvedModel,
  record: RunRecord,
  stores: Stores,
  resources: Resources,
): Promise<ModelRun> {
  const run = new ModelRun(options, resolved, record, stores);
  const server = await startServer({ host: options.host, port: options.port, model: run });
  resources.add(() => server.close());
  resources.add(() => run[Symbol.dispose]());
  const { pageUrl, feedUrl } = server;
  options.onEvent({ kind: "listening", pageUrl, feedUrl });
  const { definition, model } = resolved;
  const { checkpoint } = stores;
  const session = await openTrainingSession(model, {
    optimizer: definition.optimizer,
    batchSize: definition.strategy.batchSize,
    seed: record.seed,
    plan: planToResume(record.plan, options.plan),
    ...(checkpoint === null ? {} : { checkpoint: checkpoint.training }),
  });
  resources.add(() => session[Symbol.asyncDispose]());
  run.start(session, feedUrl);
  return run;
}

/** Bit equality holds for one plan on one kind of processor. */
function warnOfDifferences(
  { onEvent }: RunModelOptions,
  recorded: RunRecord,
  now: { readonly plan: RecordedPlan; readonly processor: Processor },
): void {
  const found = differences(recorded, now);
  if (found.length === 0) return;
  onEvent({
    kind: "warning",
    message: `This run computes otherwise than it did (${found.join("; ")}); bit equality is not promised`,
  });
}
