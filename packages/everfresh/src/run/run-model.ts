/**
 * One model from start to end: state directory, source, trainer, log, feed and server put together.
 */
import { measurePlan, type TrainingSession, trainingNotes } from "@everfresh/engine";
import type { TrainerCheckpoint } from "@everfresh/learn";
import { type ResolvedModel, resolveModel } from "../config/resolve-model.ts";
import { startServer } from "../http/server.ts";
import {
  differences,
  planToRecord,
  planToResume,
  type Processor,
  type RecordedPlan,
} from "../state/recorded-plan.ts";
import { removeServerAddress, writeServerAddress } from "../state/server-address.ts";
import { openStateDirectory, type RunRecord } from "../state/state-directory.ts";
import { enterGeneration, type GenerationStores } from "./enter-generation.ts";
import { ModelRun } from "./model-run.ts";
import { openSession } from "./open-session.ts";
import { openStores } from "./open-stores.ts";
import { Resources } from "./resources.ts";
import { runRecordFor, SEED_DEFAULT } from "./run-goal.ts";
import type { RunModelOptions } from "./run-options.ts";
import { thisProcessor } from "./this-processor.ts";

const PLAN_MEASUREMENT_MS = 1_000; // tells one worker from two; nobody waits long for it

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
    for (const message of trainingNotes(resolved.model)) {
      options.onEvent({ kind: "warning", message });
    }
    const { retention, anchors } = resolved.definition;
    const opening = await openStores(directory, resources, { retention, anchors });
    const mayStartAnew = options.newGeneration ?? false;
    const record = runRecordFor(
      {
        model: resolved.definition.name,
        source: resolved.source.name,
        parameters: resolved.model.state.layout.parameterCount,
        seed: options.seed,
        steps: options.steps,
      },
      mayStartAnew ? ofAnyModel(recorded, resolved) : recorded,
      opening.checkpoint?.step ?? 0,
    );
    const stores = await enterGeneration(opening, resolved, { mayStartAnew });
    const run = await openRun(options, resolved, record, stores, resources);
    const computing = { plan: planToRecord(run.plan), processor: thisProcessor() };
    warnOfDifferences(options, record, computing);
    const opened = { ...record, ...computing };
    directory.writeRecord(opened);
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
  stores: GenerationStores,
  resources: Resources,
): Promise<ModelRun> {
  const run = new ModelRun(options, resolved, record, stores);
  const server = await startServer({ host: options.host, port: options.port, model: run });
  resources.add(() => server.close());
  resources.add(() => run[Symbol.dispose]());
  const { pageUrl, feedUrl } = server;
  const { directory, log } = stores;
  writeServerAddress(directory, feedUrl.replace(/^ws/, "http"));
  resources.add(() => removeServerAddress(directory));
  options.onEvent({ kind: "listening", pageUrl, feedUrl });
  const open = async (
    checkpoint: TrainerCheckpoint | null,
    plan = record.plan,
  ): Promise<TrainingSession> => {
    const session = await openSession({
      resolved,
      log,
      seed: record.seed,
      plan: planToResume(plan, options.plan),
      checkpoint,
    });
    resources.add(() => session[Symbol.asyncDispose]());
    return session;
  };
  const session = await open(stores.checkpoint, await planToStart(options, resolved, record));
  const recordedPlan = planToRecord(session.plan);
  run.start(session, feedUrl, (checkpoint) => open(checkpoint, recordedPlan));
  return run;
}

/**
 * The plan of a run: as recorded; where nothing is to be reproduced the fastest of a short measurement;
 * otherwise null, which is the fixed default.
 */
async function planToStart(
  { seed, plan = {} }: RunModelOptions,
  { definition, model }: ResolvedModel,
  record: RunRecord,
): Promise<RecordedPlan | null> {
  const isChosen = plan.workers !== undefined || plan.batchNorm !== undefined;
  const isFixed = plan.provider !== undefined || seed !== undefined || isChosen;
  if (record.plan !== null || isFixed) return record.plan;
  const { optimizer, strategy } = definition;
  const [fastest] = await measurePlan(model, {
    optimizer,
    batchSize: strategy.batchSize,
    budgetMs: PLAN_MEASUREMENT_MS,
  });
  return planToRecord(fastest.plan);
}

/** A record as if it had been of this model, whose tensors may be others and so its plan too. */
function ofAnyModel(recorded: RunRecord | null, { model }: ResolvedModel): RunRecord | null {
  const parameters = model.state.layout.parameterCount;
  if (recorded === null || recorded.parameters === parameters) return recorded;
  return { ...recorded, parameters, plan: null };
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
