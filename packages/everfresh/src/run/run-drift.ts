import {
  cloneState,
  type Clock,
  type DriftActionRecord,
  EverfreshError,
  inputShapeOf,
  type ModelState,
  Random,
  sizeOf,
  streamOf,
} from "@everfresh/core";
import { forwardMultiplications, openInference, openTrainingSession } from "@everfresh/engine";
import {
  completeDriftSpec,
  DriftWatch,
  type DriftWatchOptions,
  LayerEmbedding,
  pinnedEveryOf,
  type StepReport,
  timerSleep,
  type TrainerCheckpoint,
} from "@everfresh/learn";
import type { DriftPage, DriftView, WebhookStatus } from "@everfresh/sync";
import type { ResolvedModel } from "../config/resolve-model.ts";
import { DriftHistory, pageOf, type RecordChange } from "../drift/drift-history.ts";
import { messageAbout, messageTypeOf } from "../drift/drift-message.ts";
import { DriftSeries } from "../drift/drift-series.ts";
import { pastVersions } from "../log/past-versions.ts";
import { Webhook } from "../webhook/webhook.ts";
import type { GenerationStores } from "./enter-generation.ts";
import type { RunEvent } from "./run-events.ts";

/** A status on the disk is as old as this at most while training goes on. */
const SAVE_EVERY_MS = 10_000;
/** What a model that began to learn from nothing has learned by then is worth watching it by. */
const PIN_FRESH_AT_SAMPLES = 2_000;
/** Records that the page lists. */
const VIEW_RECORDS_MAX = 20;

/** What {@link RunDrift} works with. */
export interface RunDriftOptions {
  readonly resolved: ResolvedModel;
  readonly stores: GenerationStores;
  readonly seed: number;
  readonly clock: Clock;
  readonly onEvent: (event: RunEvent) => void;
  /** Brings back the last version that had learned from no more than so many samples. */
  readonly rollBackTo: (samples: number, since: DriftActionRecord["versions"]) => void;
}

/**
 * Drift monitoring of a run, which goes back to a checkpoint whenever training does; what it has told
 * anybody stays told, and its records stay in the state directory.
 */
export class RunDrift implements AsyncDisposable {
  readonly #options: RunDriftOptions;
  /** The state that the run began with. */
  readonly initial: ModelState;
  /** What is the same for every watch. */
  readonly #made: Omit<DriftWatchOptions, "checkpoint" | "recordsBefore">;
  readonly #history: DriftHistory;
  readonly #webhook: Webhook | null;
  readonly #series = new DriftSeries();
  #watch: DriftWatch;
  #version: number;
  #savedAtMs = -Infinity;

  /** @throws StateDirectoryError when what is stored cannot be read */
  constructor(options: RunDriftOptions, checkpoint: TrainerCheckpoint | null) {
    const { resolved, stores, clock } = options;
    const { spec = {}, webhook = null } = resolved.drift ?? {};
    this.#options = options;
    this.#version = checkpoint?.version ?? 0;
    // Where workers predict under it without a copy.
    this.initial = cloneState(resolved.model.state, { shared: true });
    this.#made = watchOptions(options, this.initial);
    this.#history = new DriftHistory(stores.directory, completeDriftSpec(spec).historyRecords);
    this.#watch = this.#watchAt(checkpoint);
    const jitter = new Random(options.seed, streamOf("webhook"));
    this.#webhook =
      webhook === null
        ? null
        : new Webhook({
            ...webhook,
            ...{ clock, sleep: timerSleep, random: () => jitter.float() },
            onDropped: ({ id }, reason) => this.#warn(`Message ${id} was given up: ${reason}`),
          });
  }

  /** The watch as it was at a checkpoint; the status is that of this one from now on. */
  at(checkpoint: TrainerCheckpoint | null): DriftWatch {
    // Nothing waits for what it has begun in the background.
    this.#watch[Symbol.asyncDispose]().catch(() => undefined);
    this.#watch = this.#watchAt(checkpoint);
    return this.#watch;
  }

  /** The verdict may have changed, or labels may have settled an earlier one. */
  heard(action: DriftActionRecord | null): void {
    const changes = this.#history.take(this.#watch.history());
    for (const change of changes) this.#tell(change);
    this.#addPoint(this.#version);
    if (changes.length > 0) this.#save();
    if (action?.kind === "rollBack" && action.range !== null) {
      this.#options.rollBackTo(action.range.from, action.versions);
    }
  }

  /** Takes in that a step was made. */
  stepped({ version }: StepReport): void {
    this.#version = version;
    if (this.#series.isDue(this.#watch.watched)) this.#addPoint(version);
    if (this.#options.clock.monotonicMs() - this.#savedAtMs < SAVE_EVERY_MS) return;
    this.#history.take(this.#watch.history());
    this.#save();
  }

  /** A rollback that a verdict asked for was made. */
  rolledBack(version: number): void {
    const asked = this.#history.records.findLast(
      ({ action }) => action?.kind === "rollBack" && action.versions?.to === null,
    );
    if (asked === undefined) return;
    this.#history.led(asked.id, version);
    this.#save();
  }

  /** The records after a number, or the newest ones, with how things are. */
  page(after: number | null): DriftPage {
    return {
      model: this.#options.resolved.definition.name,
      status: this.#watch.status(),
      ...pageOf(this.#history.records, after),
      webhook: this.webhook(),
    };
  }

  /** What the live page shows. */
  view(): DriftView {
    return {
      status: this.#watch.status(),
      records: this.#history.records.slice(-VIEW_RECORDS_MAX).reverse(),
      series: this.#series.points(),
    };
  }

  /** What has become of messages; null where nobody is told. */
  webhook(): WebhookStatus | null {
    return this.#webhook?.counts() ?? null;
  }

  /** Makes the last status durable, and gives what waits to be told a last chance. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch[Symbol.asyncDispose]();
    await this.#made.embedding?.[Symbol.asyncDispose]();
    this.#history.take(this.#watch.history());
    this.#save();
    await this.#webhook?.[Symbol.asyncDispose]();
  }

  #watchAt(checkpoint: TrainerCheckpoint | null): DriftWatch {
    const made = { ...this.#made, recordsBefore: this.#history.newest };
    try {
      return new DriftWatch({ ...made, checkpoint: checkpoint?.drift });
    } catch (error) {
      const isOther = error instanceof EverfreshError && error.code === "EF_DRIFT_CHECKPOINT";
      if (!isOther) throw error;
      this.#warn("Drift is watched otherwise than before: its signals start anew");
      return new DriftWatch(made);
    }
  }

  #tell(change: RecordChange): void {
    const { clock, onEvent, resolved, stores } = this.#options;
    const type = messageTypeOf(change);
    if (type === null) return;
    const { record } = change;
    onEvent({ kind: "drift", type, record });
    const model = resolved.definition.name;
    const origin = { model, logId: stores.generation.id, nowMs: clock.nowMs() };
    this.#webhook?.send(messageAbout(type, record, origin));
  }

  #addPoint(version: number): void {
    this.#series.add(this.#watch.status(), version);
  }

  #save(): void {
    const { clock } = this.#options;
    this.#savedAtMs = clock.monotonicMs();
    this.#history.save(this.#watch.status(), clock.nowMs());
  }

  #warn(message: string): void {
    this.#options.onEvent({ kind: "warning", message });
  }
}

/** How a run is watched, whatever its checkpoint. */
function watchOptions(
  { resolved, stores, seed }: RunDriftOptions,
  initial: ModelState,
): Omit<DriftWatchOptions, "checkpoint" | "recordsBefore"> {
  const { definition, model, drift } = resolved;
  const { spec = {} } = drift ?? {};
  const complete = completeDriftSpec(spec);
  const multiplications = forwardMultiplications(model);
  const { layer } = complete.embedding;
  const isEmbedded = complete.signals.some(({ input }) => input === "embedding");
  const isFrozenTested = definition.evaluation?.frozen ?? true;
  return {
    ...{ spec, seed, initial, multiplications, preprocessing: definition.input },
    features: sizeOf(inputShapeOf(definition.input)),
    classes: definition.target.count,
    classNames: definition.target.labels.map((label) => `class ${label}`),
    ...(isFresh(definition) ? { pinFirstAt: PIN_FRESH_AT_SAMPLES } : {}),
    pinnedEvery: isFrozenTested ? 1 : pinnedEveryOf(complete, multiplications),
    embedding: isEmbedded ? new LayerEmbedding(model, { layer, open: openInference }) : undefined,
    openEncoder: openTrainingSession,
    past: pastVersions(stores.log, {
      ...{ layout: model.state.layout, members: complete.members },
      firstVersion: stores.generation.firstVersion,
    }),
  };
}

/** Whether the weights that a run begins with know nothing yet. */
function isFresh({ weights, model }: ResolvedModel["definition"]): boolean {
  return (weights ?? (typeof model === "string" ? "trained" : "fresh")) === "fresh";
}
