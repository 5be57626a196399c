/**
 * One model from start to end: state directory, source, trainer, log, feed and server put together.
 */
import { measurePlan, trainingNotes } from "@everfresh/engine";
import { batchSizeOf, type TrainerCheckpoint } from "@everfresh/learn";
import { closeSource } from "@everfresh/streams";
import { keyName } from "@everfresh/sync";
import { modeOf, withShare } from "../config/deployment.ts";
import { configuredKey, type ResolvedModel, resolveModel } from "../config/resolve-model.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import { startServer } from "../http/server.ts";
import { NatsOutlet } from "../nats/nats-outlet.ts";
import { isReadableByOthers } from "../signing/key-files.ts";
import {
  differences,
  planToRecord,
  planToResume,
  type Processor,
  type RecordedPlan,
} from "../state/recorded-plan.ts";
import { removeServerAddress, writeServerAddress } from "../state/server-address.ts";
import { replayableSource } from "../samples/replayable-source.ts";
import { openStateDirectory, type RunRecord } from "../state/state-directory.ts";
import { enterGeneration, type GenerationStores, isOfOtherTensors } from "./enter-generation.ts";
import { keyChange } from "./key-change.ts";
import { ModelRun } from "./model-run.ts";
import { openDrift } from "./open-drift.ts";
import { openLabels } from "./open-labels.ts";
import { openStores } from "./open-stores.ts";
import { Resources } from "./resources.ts";
import type { RunParts } from "./run-parts.ts";
import { runRecordFor, SEED_DEFAULT } from "./run-goal.ts";
import type { RunModelOptions } from "./run-options.ts";
import { thisProcessor } from "./this-processor.ts";
import { openTraining, type Training } from "./training.ts";
import { warmUpStepsOf } from "./warm-up.ts";

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
    const config = options.config(seed);
    const resolved = await resolveModel(config, seed, {
      ...{ databaseFile: directory.databaseFile, signingKeyFile: options.signingKeyFile },
    });
    resources.add(() => closeSources(resolved));
    warnOfExposedKey(options, options.signingKeyFile ?? configuredKey(config));
    for (const message of trainingNotes(resolved.model)) {
      options.onEvent({ kind: "warning", message });
    }
    const { retention, anchors } = resolved.definition;
    const opening = await openStores(directory, resources, { retention, anchors });
    const mayStartAnew = options.newGeneration ?? false;
    const startsAnew = mayStartAnew && (await isOfOtherTensors(opening, resolved));
    const record = runRecordFor(
      {
        model: resolved.definition.name,
        source: resolved.source.name,
        parameters: resolved.model.state.layout.parameterCount,
        mode: modeOf(resolved.definition.deploy),
        labelLag: labelLagOf(resolved),
        warmUpSteps: warmUpStepsOf(resolved.definition),
        seed: options.seed,
        steps: options.steps,
      },
      mayStartAnew ? ofAnyModel(recorded, resolved, startsAnew) : recorded,
      opening.checkpoint?.step ?? 0,
    );
    // Before the generation is there: once it is, nobody knows any more that it is to start anew.
    if (startsAnew) directory.writeRecord(record);
    const stores = await enterGeneration(opening, resolved, { mayStartAnew });
    await tellOfKeys(options, resolved, stores);
    const outlet = await outletOf(options, config);
    const { clock } = options;
    const { source, definition } = resolved;
    const late = { labels: definition.labels, source };
    const labels = await openLabels(late, directory, { clock, resources });
    const { databaseFile } = directory;
    const { history } = stores;
    const opened = replayableSource(resolved.source, { databaseFile, history, labels, clock });
    resources.add(() => opened.replayed?.[Symbol.dispose]());
    const parts = { stores, outlet, labels };
    const whole = { ...resolved, source: opened.source };
    const run = await openRun(options, whole, record, parts, resources);
    const computing = { plan: planToRecord(run.plan), processor: thisProcessor() };
    warnOfDifferences(options, record, computing);
    const { idField } = resolved.source;
    const complete = { ...record, ...computing, idField };
    directory.writeRecord(complete);
    // A run that replays first lets replicas in while it trains.
    if (run.ready) await options.beforeTraining?.(() => run.status());
    await run.train();
    if (!options.signal.aborted) directory.writeRecord({ ...complete, goal: null });
    await options.afterTraining(await run.finish());
  } finally {
    await resources.close();
  }
}

async function closeSources({ source, heldOut }: ResolvedModel): Promise<void> {
  for (const each of heldOut === null ? [source] : [source, heldOut]) {
    await closeSource(each);
    await each.quarantine?.[Symbol.asyncDispose]();
  }
}

/** How late labels are. */
function labelLagOf({ source, definition }: ResolvedModel): RunRecord["labelLag"] {
  return source.following === undefined ? (definition.labels?.lagSamples ?? null) : "follows";
}

/** What a run has beside its options. */
interface OpenedParts extends Omit<RunParts, "drift"> {
  readonly stores: GenerationStores;
}

/** Opens server and training, and lets replicas in unless something is to be replayed. */
async function openRun(
  options: RunModelOptions,
  resolved: ResolvedModel,
  record: RunRecord,
  { stores, outlet, labels }: OpenedParts,
  resources: Resources,
): Promise<ModelRun> {
  const drift = openDrift({ options, resolved, stores, seed: record.seed }, (request) =>
    run.rollBack(request),
  );
  const run = new ModelRun(options, resolved, record, stores, { outlet, labels, drift });
  const { host, port } = options;
  const { origins = "*" } = resolved.definition;
  const server = await startServer({ host, port, model: run, origins });
  resources.add(() => server.close());
  resources.add(() => run[Symbol.dispose]());
  resources.add(() => drift?.[Symbol.asyncDispose]());
  // Before the feed ends: the last updates are still to reach the server.
  resources.add(() => outlet?.[Symbol.asyncDispose]());
  const { pageUrl, feedUrl } = server;
  const { directory, log } = stores;
  const modelUrl = feedUrl.replace(/^ws/, "http");
  writeServerAddress(directory, modelUrl);
  resources.add(() => removeServerAddress(directory));
  const samplesUrl = run.samples.isPushed ? `${modelUrl}/samples` : null;
  options.onEvent({ kind: "listening", pageUrl, feedUrl, samplesUrl });
  const open = async (
    checkpoint: TrainerCheckpoint | null,
    plan = record.plan,
  ): Promise<Training> => {
    const training = await openTraining({
      resolved,
      deploy: withShare(resolved.definition.deploy, options.ratio),
      log,
      seed: record.seed,
      warmUpSteps: record.warmUpSteps,
      clock: options.clock,
      plan: planToResume(plan, options.plan),
      batchSize: await largestBatch(resolved, stores, checkpoint),
      checkpoint,
    });
    resources.add(() => training[Symbol.asyncDispose]());
    return training;
  };
  const training = await open(stores.checkpoint, await planToStart(options, resolved, record));
  const recordedPlan = planToRecord(training.plan);
  run.start(training, feedUrl, (checkpoint) => open(checkpoint, recordedPlan));
  return run;
}

/** Samples of the largest step that there will be, those included that are only taken again. */
async function largestBatch(
  { definition }: ResolvedModel,
  { journal }: GenerationStores,
  checkpoint: TrainerCheckpoint | null,
): Promise<number> {
  const again = (await journal.after(checkpoint?.step ?? 0)).map(({ iteration }) =>
    iteration.kind === "step" ? iteration.positions.length : iteration.batchSize,
  );
  return Math.max(batchSizeOf(definition.strategy), ...again);
}

/** The way to the NATS server of a run, where there is one. */
async function outletOf(
  { nats, clock, onEvent }: RunModelOptions,
  { definition, directory }: LoadedConfig,
): Promise<NatsOutlet | null> {
  const publication = nats ?? definition.feed;
  if (publication === undefined) return null;
  const model = definition.name;
  return NatsOutlet.prepare({ publication, directory, model, clock, onEvent });
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
    batchSize: batchSizeOf(strategy),
    budgetMs: PLAN_MEASUREMENT_MS,
  });
  return planToRecord(fastest.plan);
}

/**
 * A record as if it had been of this model, whose tensors may be others: then its plan is another too,
 * and so is how its learning rate begins.
 */
function ofAnyModel(
  recorded: RunRecord | null,
  { definition, model }: ResolvedModel,
  startsAnew: boolean,
): RunRecord | null {
  const parameters = model.state.layout.parameterCount;
  if (recorded === null || (recorded.parameters === parameters && !startsAnew)) return recorded;
  return { ...recorded, parameters, plan: null, warmUpSteps: warmUpStepsOf(definition) };
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

/** Says who signs, and what replicas will notice of it. */
async function tellOfKeys(
  { onEvent }: RunModelOptions,
  { signingKey }: ResolvedModel,
  { log }: GenerationStores,
): Promise<void> {
  if (signingKey !== null) onEvent({ kind: "signing", keyId: keyName(signingKey.publicKey.id) });
  const message = await keyChange(log, signingKey);
  if (message !== null) onEvent({ kind: "warning", message });
}

function warnOfExposedKey({ onEvent }: RunModelOptions, file: string | undefined): void {
  if (file === undefined || !isReadableByOthers(file)) return;
  const message = `Others than its owner can read the signing key ${file}: chmod 600 ${file}`;
  onEvent({ kind: "warning", message });
}
