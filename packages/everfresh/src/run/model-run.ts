import { type DeployedState, deployCopy, Random, streamOf } from "@everfresh/core";
import type { ExecutionPlan, TrainingSession } from "@everfresh/engine";
import {
  deployedAt,
  type StepReport,
  topK,
  type TrainerOptions,
  trainProactively,
  uniformSampler,
} from "@everfresh/learn";
import type { FeedConnection, FeedSession, ModelStatus } from "@everfresh/sync";
import type { ResolvedModel } from "../config/resolve-model.ts";
import type { ServedModel } from "../http/server.ts";
import type { RunRecord } from "../state/state-directory.ts";
import { scoreHeldOut } from "./held-out-score.ts";
import { LogPublisher } from "./log-publisher.ts";
import type { Stores } from "./open-stores.ts";
import { ReplicaGate } from "./replica-gate.ts";
import type { FinishedTraining, RunModelOptions } from "./run-options.ts";
import { StatusBoard } from "./status-board.ts";
import { UpdateLatency } from "./update-latency.ts";

const HELD_OUT_EVERY_STEPS = 250; // often enough to watch, rare enough not to slow training

/** One run between opening and end. */
export class ModelRun implements ServedModel, Disposable {
  readonly name: string;
  readonly #options: RunModelOptions;
  readonly #resolved: ResolvedModel;
  readonly #record: RunRecord;
  readonly #stores: Stores;
  readonly #deployed: DeployedState;
  readonly #gate: ReplicaGate;
  readonly #latency: UpdateLatency;
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
    this.#latency = new UpdateLatency(options.clock);
    this.#gate = new ReplicaGate({
      resolved,
      logId: log.id,
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
          this.#latency.stepDone();
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
