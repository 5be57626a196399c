import { type DeployedState, deployCopy, Random, streamOf } from "@everfresh/core";
import type { ExecutionPlan, TrainingSession } from "@everfresh/engine";
import {
  deployedAt,
  excluding,
  type PositionRange,
  type StepReport,
  type TrainerCheckpoint,
  sparsifierOf,
  type SparsifierSpec,
  type TrainerOptions,
  trainProactively,
  uniformSampler,
} from "@everfresh/learn";
import type {
  FeedConnection,
  FeedSession,
  HttpFeedAnswer,
  HttpFeedRequest,
  ModelStatus,
} from "@everfresh/sync";
import type { ResolvedModel } from "../config/resolve-model.ts";
import { ratioOf, withRatio } from "../config/sparse.ts";
import type { ServedModel } from "../http/server.ts";
import {
  checkpointOrRefuse,
  rollBack,
  type RollbackReport,
  type RollbackRequest,
} from "../log/roll-back.ts";
import { RollbackRefusedError } from "../errors.ts";
import type { RunRecord } from "../state/state-directory.ts";
import type { GenerationStores } from "./enter-generation.ts";
import { scoreHeldOut } from "./held-out-score.ts";
import { LogPublisher } from "./log-publisher.ts";
import { ReplicaGate } from "./replica-gate.ts";
import { type AskedRollback, RollbackDesk } from "./rollback-desk.ts";
import type { FinishedTraining, RunModelOptions } from "./run-options.ts";
import { StatusBoard } from "./status-board.ts";
import { UpdateLatency } from "./update-latency.ts";

const HELD_OUT_EVERY_STEPS = 250; // often enough to watch, rare enough not to slow training

/** Opens a session that trains on from a checkpoint. */
type OpenSession = (checkpoint: TrainerCheckpoint) => Promise<TrainingSession>;

/** What a run has once training can start. */
interface Started {
  readonly session: TrainingSession;
  readonly feedUrl: string;
  readonly open: OpenSession;
}

/** One run between opening and end. */
export class ModelRun implements ServedModel, Disposable {
  readonly name: string;
  readonly #options: RunModelOptions;
  readonly #resolved: ResolvedModel;
  readonly #record: RunRecord;
  readonly #stores: GenerationStores;
  readonly #deployed: DeployedState;
  readonly #gate: ReplicaGate;
  readonly #latency: UpdateLatency;
  readonly #publisher: LogPublisher;
  readonly #board: StatusBoard;
  readonly #rollbacks = new RollbackDesk();
  /** Where training goes on when it is started next; null for a fresh start. */
  #checkpoint: TrainerCheckpoint | null;
  #started: Started | null = null;

  constructor(
    options: RunModelOptions,
    resolved: ResolvedModel,
    record: RunRecord,
    stores: GenerationStores,
  ) {
    const { definition, model, source } = resolved;
    const { layout } = model.state;
    const { checkpoint, log, generation } = stores;
    this.#checkpoint = checkpoint;
    this.name = definition.name;
    this.#options = options;
    this.#resolved = resolved;
    this.#record = record;
    this.#stores = stores;
    this.#deployed =
      checkpoint === null ? deployCopy(model.state, 0) : deployedAt(checkpoint, layout);
    this.#latency = new UpdateLatency(options.clock);
    this.#gate = new ReplicaGate({
      resolved,
      logId: generation.id,
      history: log,
      deployed: this.#deployed,
      clock: options.clock,
      onAck: (replicaId, version) => this.#latency.acknowledged(replicaId, version),
    });
    this.#publisher = new LogPublisher(log, this.#gate, this.#latency, this.#deployed);
    this.#board = new StatusBoard({
      facts: {
        name: definition.name,
        source: source.name,
        parameters: layout.parameterCount,
        denseBytes: layout.byteLength,
        ratio: ratioOf(this.#sparsifier),
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
      updateToReplicaMs: this.#latency.values,
      replicas: () => this.#gate.replicas(),
    });
  }

  /** How the training session computes. */
  get plan(): ExecutionPlan {
    return this.#running.session.plan;
  }

  /** Whether replicas are let in. */
  get ready(): boolean {
    return this.#gate.isOpen;
  }

  status(): ModelStatus {
    return this.#board.status();
  }

  connect(connection: FeedConnection): FeedSession {
    return this.#gate.connect(connection);
  }

  fetch(request: HttpFeedRequest): Promise<HttpFeedAnswer> {
    return this.#gate.fetch(request);
  }

  /**
   * Brings back an earlier version, between two steps; resolves when that is durable and on its way.
   * @throws VersionNotKeptError, RollbackRefusedError when the version cannot come back
   */
  async rollBack(request: RollbackRequest): Promise<RollbackReport> {
    if (!this.#gate.isOpen) throw new RollbackRefusedError("the run replays; try again soon");
    // Looked for now: the break in training brings a checkpoint of its own.
    const current = await this.#stores.checkpoints.latest();
    const saved = current?.version === request.version ? current : null;
    return this.#rollbacks.ask({ ...request, saved });
  }

  /** Takes over the training session, and how to open another one. */
  start(session: TrainingSession, feedUrl: string, open: OpenSession): void {
    this.#started = { session, feedUrl, open };
    const { checkpoint, loggedVersion } = this.#stores;
    if (checkpoint !== null) {
      this.#options.onEvent({ kind: "resumed", version: loggedVersion, step: checkpoint.step });
    }
    this.#letReplicasInAt(this.#deployed.version);
  }

  /** Trains until the goal, the end of the source or the signal. */
  async train(): Promise<void> {
    do {
      const signal = this.#rollbacks.interrupted(this.#options.signal);
      const options = await this.#trainerOptions(this.#running.session, signal);
      for await (const report of trainProactively(options)) {
        this.#board.record(report);
        if (report.replayDiffered) this.#warnOfReplay(report);
        this.#letReplicasInAt(report.version);
        if (report.step % HELD_OUT_EVERY_STEPS === 0) await this.#scoreHeldOut("some");
        this.#options.onEvent({ kind: "step", report });
      }
      this.#checkpoint = await this.#stores.checkpoints.latest();
    } while (this.#rollbacks.isAsked && (await this.#trainAgain()));
    await this.#rollbacks.serveAlways((request) => this.#makeRollback(request));
  }

  /** Makes the rollbacks that were asked for, and opens another session if one was made. */
  async #trainAgain(): Promise<boolean> {
    const isMade = await this.#rollbacks.serve((request) => this.#makeRollback(request));
    if (!isMade || this.#checkpoint === null) return !this.#options.signal.aborted;
    const { session, open, feedUrl } = this.#running;
    await session[Symbol.asyncDispose]();
    this.#started = { session: await open(this.#checkpoint), open, feedUrl };
    return !this.#options.signal.aborted;
  }

  async #makeRollback({ saved, ...request }: AskedRollback): Promise<RollbackReport> {
    const { directory, log } = this.#stores;
    const deployed = this.#deployed;
    const current = checkpointOrRefuse(this.#checkpoint);
    const site = { directory, log, deployed, current, saved };
    const done = await rollBack(site, request);
    deployed.apply(done.update);
    this.#checkpoint = done.checkpoint;
    this.#gate.open().publish(done.update, done.bytes);
    this.#board.moved(done.report);
    this.#options.onEvent({ kind: "rolledBack", report: done.report });
    return done.report;
  }

  /** Scores the deployed state on all held-out data. */
  async finish(): Promise<FinishedTraining> {
    await this.#scoreHeldOut("all");
    this.#board.finish();
    return { status: () => this.#board.status(), latest: this.#board.latest };
  }

  [Symbol.dispose](): void {
    this.#rollbacks.close();
    this.#gate[Symbol.dispose]();
  }

  get #sparsifier(): SparsifierSpec {
    const { sparsifier } = this.#resolved.definition.deploy;
    const { ratio } = this.#options;
    return ratio === undefined ? sparsifier : withRatio(sparsifier, ratio);
  }

  get #running(): Started {
    if (this.#started === null) throw new Error("internal: the run was not started");
    return this.#started;
  }

  async #trainerOptions(session: TrainingSession, signal: AbortSignal): Promise<TrainerOptions> {
    const { clock, samplesPerSecond } = this.#options;
    const { definition, model, source } = this.#resolved;
    const { strategy, input } = definition;
    const { checkpoints, history, log } = this.#stores;
    const { goal, seed } = this.#record;
    const checkpoint = this.#checkpoint;
    const excluded = (await log.rollbacks()).flatMap((entry): readonly PositionRange[] =>
      entry.excluded === null ? [] : [entry.excluded],
    );
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
          this.#latency.stepDone();
          return result;
        },
      },
      source,
      history,
      preprocessing: input,
      triggerSize: strategy.triggerSize,
      batchSize: strategy.batchSize,
      sampler: excluding(uniformSampler(random), excluded),
      sparsifier: sparsifierOf(this.#sparsifier, { seed }),
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
    const { backend, workers, fallbackReason } = session.plan;
    const plan = `${backend} ONNX Runtime, ${workers} worker${workers === 1 ? "" : "s"}`;
    this.#options.onEvent({ kind: "ready", version, plan });
    if (backend === "wasm") {
      this.#options.onEvent({ kind: "warning", message: slowRuntime(fallbackReason) });
    }
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

/** That training is slow, why if that was not asked for, and the way out. */
function slowRuntime(fallbackReason: string | undefined): string {
  const why = fallbackReason === undefined ? "" : `, which does not load (${fallbackReason})`;
  return (
    `Training runs on WebAssembly, which is slower than the native ONNX Runtime${why}; where ` +
    "that is not installed: npm install onnxruntime-node --onnxruntime-node-install=skip"
  );
}
