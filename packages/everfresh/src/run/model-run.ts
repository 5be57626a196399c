import { type DeployedState, deployCopy } from "@everfresh/core";
import type { ExecutionPlan } from "@everfresh/engine";
import {
  deployedAt,
  type LateLabels,
  type StepReport,
  type TrainerCheckpoint,
  trainContinuously,
} from "@everfresh/learn";
import type {
  FeedConnection,
  FeedSession,
  HttpFeedAnswer,
  HttpFeedRequest,
  ModelStatus,
} from "@everfresh/sync";
import type { ResolvedModel } from "../config/resolve-model.ts";
import { type Deployment, withShare } from "../config/deployment.ts";
import type { ServedModel } from "../http/server.ts";
import {
  type AskedRollback,
  checkpointOrRefuse,
  rollBack,
  type RollbackReport,
  type RollbackRequest,
} from "../log/roll-back.ts";
import { RollbackRefusedError } from "../errors.ts";
import type { RunRecord } from "../state/state-directory.ts";
import type { GenerationStores } from "./enter-generation.ts";
import { BreakDesk } from "./break-desk.ts";
import { scoreHeldOut } from "./held-out-score.ts";
import { LogPublisher } from "./log-publisher.ts";
import { loopOptions } from "./loop-options.ts";
import { ReplicaGate } from "./replica-gate.ts";
import type { FinishedTraining, RunModelOptions } from "./run-options.ts";
import { RunEvaluation } from "./run-evaluation.ts";
import type { RunDrift } from "./run-drift.ts";
import type { RunParts } from "./run-parts.ts";
import { RunSamples } from "./run-samples.ts";
import { runFacts } from "./run-facts.ts";
import { notKept, replayDiffered, slowRuntime } from "./run-warnings.ts";
import { type RunFacts, StatusBoard } from "./status-board.ts";
import type { Training } from "./training.ts";
import { UpdateLatency } from "./update-latency.ts";

const HELD_OUT_EVERY_STEPS = 250; // often enough to watch, rare enough not to slow training

/** Where workers predict under the deployed state, and kernels select from it, without a copy. */
const DEPLOYED_PLACE = { shared: true, kernels: true };

/** Opens training where a checkpoint is. */
type OpenTraining = (checkpoint: TrainerCheckpoint) => Promise<Training>;

/** What a run has once training can start. */
interface Started {
  readonly training: Training;
  readonly feedUrl: string;
  readonly open: OpenTraining;
}

/** One run between opening and end. */
export class ModelRun implements ServedModel, Disposable {
  readonly name: string;
  /** Null where drift is not watched. */
  readonly drift: RunDrift | null;
  readonly #options: RunModelOptions;
  readonly #resolved: ResolvedModel;
  readonly #record: RunRecord;
  readonly #stores: GenerationStores;
  readonly #deployed: DeployedState;
  readonly #gate: ReplicaGate;
  readonly #latency: UpdateLatency;
  readonly #publisher: LogPublisher;
  readonly #board: StatusBoard;
  readonly samples: RunSamples;
  readonly #desk = new BreakDesk();
  readonly #labels: LateLabels | null;
  readonly #facts: RunFacts;
  readonly #evaluation: RunEvaluation;
  /** Where training goes on when it is started next; null for a fresh start. */
  #checkpoint: TrainerCheckpoint | null;
  #started: Started | null = null;

  constructor(
    options: RunModelOptions,
    resolved: ResolvedModel,
    record: RunRecord,
    stores: GenerationStores,
    { outlet, labels, drift }: RunParts,
  ) {
    const { definition, model } = resolved;
    const { checkpoint, log, generation } = stores;
    this.#checkpoint = checkpoint;
    this.name = definition.name;
    this.drift = drift;
    this.#options = options;
    this.#resolved = resolved;
    this.#record = record;
    this.#stores = stores;
    this.#deployed =
      checkpoint === null
        ? deployCopy(model.state, 0, DEPLOYED_PLACE)
        : deployedAt(checkpoint, model.state.layout, DEPLOYED_PLACE);
    this.#labels = labels;
    this.samples = new RunSamples({
      ...{ model: definition.name, source: resolved.source, stores, labels, desk: this.#desk },
    });
    this.#facts = runFacts(resolved, this.#deploy, record);
    this.#evaluation = new RunEvaluation(resolved, checkpoint, drift?.initial);
    this.#latency = new UpdateLatency(options.clock);
    this.#gate = new ReplicaGate({
      resolved,
      logId: generation.id,
      history: log,
      deployed: this.#deployed,
      clock: options.clock,
      segments: stores.segments,
      onStoreError: (error) => options.onEvent({ kind: "warning", message: notKept(error) }),
      onOpen: (feed) => outlet?.open(feed),
      onAck: (replicaId, version) => this.#latency.acknowledged(replicaId, version),
    });
    this.#publisher = new LogPublisher({
      log,
      gate: this.#gate,
      latency: this.#latency,
      deployed: this.#deployed,
      signingKey: resolved.signingKey,
    });
    this.#board = new StatusBoard({
      facts: this.#facts,
      strategy: definition.strategy.kind,
      scores: () => this.#evaluation.scores(),
      monotonicMs: () => options.clock.monotonicMs(),
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

  /** How training computes. */
  get plan(): ExecutionPlan {
    return this.#running.training.plan;
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
    return this.#desk.ask(
      () => this.#makeRollback({ ...request, saved }),
      (reason) => new RollbackRefusedError(reason),
    );
  }

  /** Takes over what trains, and how to open another one. */
  start(training: Training, feedUrl: string, open: OpenTraining): void {
    this.#started = { training, feedUrl, open };
    const { checkpoint, loggedVersion } = this.#stores;
    if (checkpoint !== null) {
      this.#options.onEvent({ kind: "resumed", version: loggedVersion, step: checkpoint.step });
    }
    this.#letReplicasInAt(this.#deployed.version);
  }

  /** Trains until the goal, the end of the source or the signal. */
  async train(): Promise<void> {
    do {
      const signal = this.#desk.interrupted(this.#options.signal);
      const options = await loopOptions({
        run: this.#options,
        resolved: this.#resolved,
        deploy: this.#deploy,
        record: this.#record,
        stores: this.#stores,
        training: this.#running.training,
        deployed: this.#deployed,
        publisher: this.#publisher,
        evaluation: this.#evaluation.at(this.#checkpoint),
        drift: this.drift?.at(this.#checkpoint) ?? null,
        labels: this.#labels,
        checkpoint: this.#checkpoint,
        signal,
        onStepDone: () => this.#latency.stepDone(),
        onDrift: (_report, action) => this.drift?.heard(action),
        onOpen: (standing) => this.#board.opened(standing),
        onProgress: (progress) => {
          this.#board.progress(progress);
          this.#options.onEvent({ kind: "retraining", progress });
        },
      });
      for await (const report of trainContinuously(options)) {
        this.#board.record(report);
        this.drift?.stepped(report);
        if (report.replayDiffered) this.#warnOfReplay(report);
        this.#letReplicasInAt(report.version);
        if (report.step % HELD_OUT_EVERY_STEPS === 0) await this.#scoreHeldOut("some");
        this.#options.onEvent({ kind: "step", report });
      }
      this.#checkpoint = await this.#stores.checkpoints.latest();
    } while (this.#desk.isAsked && (await this.#trainAgain()));
    await this.#desk.serveAlways();
  }

  /** Does what a break was asked for, and opens training anew where that was a rollback. */
  async #trainAgain(): Promise<boolean> {
    const { version } = this.#deployed;
    await this.#desk.serve();
    const isRolledBack = this.#deployed.version !== version;
    if (!isRolledBack || this.#checkpoint === null) return !this.#options.signal.aborted;
    const { training, open, feedUrl } = this.#running;
    await training[Symbol.asyncDispose]();
    this.#started = { training: await open(this.#checkpoint), open, feedUrl };
    return !this.#options.signal.aborted;
  }

  async #makeRollback({ saved, ...request }: AskedRollback): Promise<RollbackReport> {
    const { directory, log, journal } = this.#stores;
    const deployed = this.#deployed;
    const current = checkpointOrRefuse(this.#checkpoint);
    const { signingKey } = this.#resolved;
    const site = { directory, log, deployed, current, saved, journal, signingKey };
    const done = await rollBack(site, request);
    deployed.apply(done.update);
    this.#checkpoint = done.checkpoint;
    this.#gate.open().publish(done.update, done.bytes);
    this.#board.moved(done.report);
    this.drift?.rolledBack(done.report.version);
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
    this.#desk.close();
    this.#gate[Symbol.dispose]();
  }

  get #deploy(): Deployment {
    return withShare(this.#resolved.definition.deploy, this.#options.ratio);
  }

  get #running(): Started {
    if (this.#started === null) throw new Error("internal: the run was not started");
    return this.#started;
  }

  #letReplicasInAt(version: number): void {
    if (this.#gate.isOpen || version < this.#stores.loggedVersion) return;
    this.#gate.open();
    const { training, feedUrl } = this.#running;
    const { backend, workers, fallbackReason } = training.plan;
    const plan = `${backend} ONNX Runtime, ${workers} worker${workers === 1 ? "" : "s"}`;
    const { buffersEvery, warmUpSteps } = this.#facts;
    this.#options.onEvent({ kind: "ready", version, plan, buffersEvery, warmUpSteps });
    if (backend === "wasm") {
      this.#options.onEvent({ kind: "warning", message: slowRuntime(fallbackReason) });
    }
    this.#options.onReady?.(feedUrl, this.#record.seed);
  }

  async #scoreHeldOut(amount: "some" | "all"): Promise<void> {
    const { session } = this.#running.training;
    const accuracy = await scoreHeldOut(this.#resolved, session, this.#deployed.state, amount);
    if (accuracy !== null) this.#board.recordHeldOut(accuracy);
  }

  #warnOfReplay({ step, version }: StepReport): void {
    this.#options.onEvent({ kind: "warning", message: replayDiffered(step, version) });
  }
}
