/**
 * One model from start to end: state directory, source, trainer, log, feed and server put together.
 */
import { type Clock, type DeployedState, deployCopy, Random, streamOf } from "@everfresh/core";
import { openTrainingSession, type TrainingSession } from "@everfresh/engine";
import {
  deployedAt,
  type StepReport,
  topK,
  type TrainerOptions,
  trainProactively,
  uniformSampler,
} from "@everfresh/learn";
import type { ModelStatus } from "@everfresh/sync";
import type { LoadedConfig } from "../config/load-config.ts";
import { type ResolvedModel, resolveModel } from "../config/resolve-model.ts";
import { startServer } from "../http/server.ts";
import { openStateDirectory, type RunRecord } from "../state/state-directory.ts";
import { scoreHeldOut } from "./held-out-score.ts";
import { LogPublisher } from "./log-publisher.ts";
import { openStores, type Stores } from "./open-stores.ts";
import { ReplicaGate } from "./replica-gate.ts";
import { Resources } from "./resources.ts";
import type { RunEvent } from "./run-events.ts";
import { runRecordFor, SEED_DEFAULT } from "./run-goal.ts";
import { StatusBoard } from "./status-board.ts";

const HELD_OUT_EVERY_STEPS = 250; // often enough to watch, rare enough not to slow training

/** Options of {@link runModel}. */
export interface RunModelOptions {
  /** The configuration, once the seed is known. */
  readonly config: (seed: number) => LoadedConfig;
  readonly stateDirectory: string;
  readonly seed?: number;
  /** Ends after so many steps; otherwise with the source. */
  readonly steps?: number;
  /** Overrides the configured share of parameters per update. */
  readonly ratio?: number;
  readonly host: string;
  /** 0 for a free port. */
  readonly port: number;
  /** Lets samples arrive at this rate at most. */
  readonly samplesPerSecond?: number;
  /** Ends training after the step that is running. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly onEvent: (event: RunEvent) => void;
  /** Called when replicas are let in, with the address and the seed of the run. */
  readonly onReady?: (feedUrl: string, seed: number) => void;
  /** Called when training has ended; the model is served until it resolves. */
  readonly afterTraining: (run: FinishedTraining) => Promise<void>;
}

/** A run whose training is over and whose server still runs. */
export interface FinishedTraining {
  /** How things are now. */
  status(): ModelStatus;
  /** The last step; null when none was made. */
  readonly latest: StepReport | null;
}

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
    directory.writeRecord(record);
    await run.anchorFirstVersion();
    await run.train();
    if (!options.signal.aborted) directory.writeRecord({ ...record, goal: null });
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
    ...(checkpoint === null ? {} : { checkpoint: checkpoint.training }),
  });
  resources.add(() => session[Symbol.asyncDispose]());
  run.start(session, feedUrl);
  return run;
}

/** One run between opening and end. */
class ModelRun implements Disposable {
  readonly name: string;
  readonly #options: RunModelOptions;
  readonly #resolved: ResolvedModel;
  readonly #record: RunRecord;
  readonly #stores: Stores;
  readonly #deployed: DeployedState;
  readonly #gate: ReplicaGate;
  readonly #publisher: LogPublisher;
  readonly #board: StatusBoard;
  #started: { readonly session: TrainingSession; readonly feedUrl: string } | null = null;

  constructor(
    options: RunModelOptions,
    resolved: ResolvedModel,
    record: RunRecord,
    stores: Stores,
  ) {
    const { definition, model, source } = resolved;
    const { layout } = model.state;
    const { checkpoint, log } = stores;
    this.name = definition.name;
    this.#options = options;
    this.#resolved = resolved;
    this.#record = record;
    this.#stores = stores;
    this.#deployed =
      checkpoint === null ? deployCopy(model.state, 0) : deployedAt(checkpoint, layout);
    this.#gate = new ReplicaGate({
      resolved,
      logId: log.id,
      deployed: this.#deployed,
      clock: options.clock,
      onAck: (version) => {
        const sinceStepMs = this.#publisher.sinceStepMs(version);
        if (sinceStepMs !== null) this.#board.updateToReplicaMs.add(sinceStepMs);
      },
    });
    this.#publisher = new LogPublisher(log, this.#gate, options.clock);
    this.#board = new StatusBoard({
      facts: {
        name: definition.name,
        source: source.name,
        parameters: layout.parameterCount,
        denseBytes: layout.byteLength,
        ratio: this.#ratio,
        triggerSize: definition.strategy.triggerSize,
        batchSize: definition.strategy.batchSize,
      },
      start: {
        version: this.#deployed.version,
        fingerprint: this.#deployed.fingerprint,
        samples: checkpoint?.samples ?? 0,
        steps: checkpoint?.step ?? 0,
      },
      startedAtMs: options.clock.nowMs(),
      replicas: () => this.#gate.replicas(),
    });
  }

  /** Whether replicas are let in. */
  get ready(): boolean {
    return this.#gate.isOpen;
  }

  status(): ModelStatus {
    return this.#board.status();
  }

  connect(connection: Parameters<ReplicaGate["connect"]>[0]): ReturnType<ReplicaGate["connect"]> {
    return this.#gate.connect(connection);
  }

  /** Takes over the training session. */
  start(session: TrainingSession, feedUrl: string): void {
    this.#started = { session, feedUrl };
    const { checkpoint, loggedVersion } = this.#stores;
    if (checkpoint !== null) {
      this.#options.onEvent({ kind: "resumed", version: loggedVersion, step: checkpoint.step });
    }
    this.#letReplicasInAt(this.#deployed.version);
  }

  /** Stores the state that a fresh log starts from, so that every version can be rebuilt. */
  async anchorFirstVersion(): Promise<void> {
    const { checkpoint, loggedVersion, log } = this.#stores;
    if (checkpoint !== null || loggedVersion > 0) return;
    const { version, fingerprint, state } = this.#deployed;
    await log.putAnchor({ version, fingerprint, bytes: new Uint8Array(state.buffer) });
  }

  /** Trains until the goal, the end of the source or the signal. */
  async train(): Promise<void> {
    const { session } = this.#running;
    for await (const report of trainProactively(this.#trainerOptions(session))) {
      this.#board.record(report);
      if (report.replayDiffered) this.#warnOfReplay(report);
      this.#letReplicasInAt(report.version);
      if (report.step % HELD_OUT_EVERY_STEPS === 0) await this.#scoreHeldOut("some");
      this.#options.onEvent({ kind: "step", report });
    }
  }

  /** Scores the deployed state on all held-out data. */
  async finish(): Promise<FinishedTraining> {
    await this.#scoreHeldOut("all");
    this.#board.finish();
    return { status: () => this.#board.status(), latest: this.#board.latest };
  }

  [Symbol.dispose](): void {
    this.#gate[Symbol.dispose]();
  }

  get #ratio(): number {
    return this.#options.ratio ?? this.#resolved.definition.deploy.ratio;
  }

  get #running(): { readonly session: TrainingSession; readonly feedUrl: string } {
    if (this.#started === null) throw new Error("internal: the run was not started");
    return this.#started;
  }

  #trainerOptions(session: TrainingSession): TrainerOptions {
    const { clock, signal, samplesPerSecond } = this.#options;
    const { definition, model, source } = this.#resolved;
    const { strategy, deploy, input } = definition;
    const { checkpoint, checkpoints, history } = this.#stores;
    const { goal, seed } = this.#record;
    const random =
      checkpoint === null ? new Random(seed, streamOf("sampler")) : Random.at(checkpoint.sampler);
    return {
      model,
      session: {
        state: session.state,
        predict: (state, inputs, size) => session.predict(state, inputs, size),
        checkpoint: () => session.checkpoint(),
        step: async (batch) => {
          const result = await session.step(batch);
          this.#publisher.stepDone();
          return result;
        },
      },
      source,
      history,
      preprocessing: input,
      triggerSize: strategy.triggerSize,
      batchSize: strategy.batchSize,
      sampler: uniformSampler(random),
      sparsifier: topK({ ratio: this.#ratio, valueType: deploy.valueType }),
      deployed: this.#deployed,
      publisher: this.#publisher,
      checkpoints,
      clock,
      signal,
      ...(checkpoint === null ? {} : { resume: checkpoint }),
      ...(goal === null ? {} : { maxSteps: goal.untilStep }),
      ...(samplesPerSecond === undefined ? {} : { paceSamplesPerSecond: samplesPerSecond }),
    };
  }

  #letReplicasInAt(version: number): void {
    if (this.#gate.isOpen || version < this.#stores.loggedVersion) return;
    this.#gate.open();
    const { session, feedUrl } = this.#running;
    const { backend, workers } = session.plan;
    const plan = `${backend} ONNX Runtime, ${workers} worker${workers === 1 ? "" : "s"}`;
    this.#options.onEvent({ kind: "ready", version, plan });
    this.#options.onReady?.(feedUrl, this.#record.seed);
  }

  async #scoreHeldOut(amount: "some" | "all"): Promise<void> {
    const { session } = this.#running;
    const accuracy = await scoreHeldOut(this.#resolved, session, this.#deployed.state, amount);
    if (accuracy !== null) this.#board.recordHeldOut(accuracy);
  }

  #warnOfReplay({ step, version }: StepReport): void {
    this.#options.onEvent({
      kind: "warning",
      message: `Replaying step ${step} gave another update than the log has at version ${version}; the log stands (another CPU, runtime or ratio does that)`,
    });
  }
}
