import {
  type DeployedState,
  type DriftActionRecord,
  type DriftRecord,
  type DriftStatus,
  type DriftVerdictReport,
  type ModelState,
  type Sample,
} from "@everfresh/core";
import { ACTS_ON_TRAINING } from "../response/response-spec.ts";
import { CostlyInputs } from "./costly-inputs.ts";
import { DriftMonitor } from "./drift-monitor.ts";
import { missingIn } from "./odd-counts.ts";
import { completeDriftSpec } from "./drift-spec.ts";
import type {
  DriftWatchCheckpoint,
  DriftWatchOptions,
  HeedReport,
  LookGiven,
  WatchedLabel,
  WatchedLook,
  WatchedPrediction,
} from "./drift-watch-options.ts";
import { PinnedModel } from "./pinned-model.ts";
import { RecentProbabilities } from "./recent-probabilities.ts";
import { inputMicrosOf } from "./signal-cost.ts";

/**
 * Samples that training has taken up since a drift was seen, after which the monitor goes by the state
 * that is deployed then: about as many as its signals need to learn a new normal from.
 */
const PINNED_AFTER_SAMPLES = 1_000;

/**
 * Lets a drift monitor see what a run sees, in an order that does not depend on when the process was
 * started: sample by sample as they arrive, and label by label as they come.
 */
export class DriftWatch implements AsyncDisposable {
  readonly #monitor: DriftMonitor;
  readonly #costly: CostlyInputs;
  readonly #classes: number;
  readonly #pinnedEvery: number;
  readonly #pinned: PinnedModel;
  readonly #recent: RecentProbabilities;
  readonly #recordsBefore: number;
  #from: number | null;
  #watched: number;
  #positions: number;
  #pinAt: number | null;
  #heed: HeedReport = () => undefined;
  /** Samples taken up by training, as it was told last. */
  #trained: number;
  #acting: DriftWatchCheckpoint["acting"];

  /**
   * @throws LearnOptionError for a specification that is out of its range
   * @throws DriftCheckpointError for a checkpoint that is damaged or of another specification
   */
  constructor(options: DriftWatchOptions) {
    const { checkpoint, initial, preprocessing, recordsBefore, pinFirstAt, ...rest } = options;
    const { embedding, openEncoder, past, multiplications, ...made } = rest;
    const { features, pinnedEvery = 1 } = made;
    const spec = completeDriftSpec(options.spec);
    this.#monitor = new DriftMonitor({
      ...made,
      ...(embedding === undefined ? {} : { embedding: embedding.length }),
      inputMicros: inputMicrosOf(spec, features, multiplications),
      checkpoint: checkpoint?.monitor,
    });
    this.#costly = new CostlyInputs({
      ...{ spec, features, ports: { embedding, openEncoder, past } },
      isTurn: (input, sequence) => this.#monitor.isTurn(input, sequence),
      checkpoint: checkpoint?.costly,
    });
    this.#classes = options.classes;
    this.#pinnedEvery = pinnedEvery;
    this.#recent = new RecentProbabilities(options.classes);
    this.#pinned = new PinnedModel({
      ...{ preprocessing, initial, isInitialFresh: pinFirstAt !== undefined },
      bytes: checkpoint?.pinned ?? null,
    });
    this.#recordsBefore = checkpoint?.recordsBefore ?? recordsBefore ?? 0;
    this.#from = checkpoint?.from ?? null;
    this.#watched = checkpoint?.watched ?? 0;
    this.#positions = checkpoint?.positions ?? 0;
    this.#pinAt = checkpoint === undefined ? (pinFirstAt ?? null) : checkpoint.pinAt;
    this.#trained = checkpoint?.trained ?? 0;
    this.#acting = checkpoint?.acting ?? null;
  }

  /** Predicts for the monitor, beside the states that are tested. */
  get pinned(): ModelState {
    return this.#pinned.state;
  }

  /** Whether the pinned state is to predict this sample. */
  asksPinned(sequence: number): boolean {
    return !this.#pinned.isBlank && sequence % this.#pinnedEvery === 0;
  }

  /** Turns that it has seen: the next sample, or the label that comes with it, has this number. */
  get watched(): number {
    return this.#watched;
  }

  /** Samples of the history whose labels have come. */
  get positions(): number {
    return this.#positions;
  }

  /** Goes on at this sample, position of the history and turn, unless a checkpoint says where. */
  begin(at: number, positions: number, turn: number = at): void {
    if (this.#from !== null) return;
    this.#from = at;
    this.#watched = turn;
    this.#positions = positions;
  }

  /** `heed` is told of reports. */
  follow(heed: HeedReport): void {
    this.#heed = heed;
  }

  /**
   * Finds out what is to be known of samples before their turns; they come one after another, the first
   * one with this number.
   * @throws what preprocessing and models throw
   */
  async look(
    first: number,
    samples: readonly Pick<Sample, "features">[],
    given: LookGiven,
  ): Promise<readonly WatchedLook[]> {
    const { isBlank, hasLens, state } = this.#pinned;
    // What learns how to look at samples has not looked at any then.
    if (isBlank && hasLens) return samples.map(() => ({ inputs: new Float32Array(0) }));
    const rows = samples.map(
      ({ features }, i) => given.inputs?.[i] ?? this.#pinned.inputsOf(features),
    );
    if (isBlank || !this.#costly.isUsed) return rows.map((inputs) => ({ inputs }));
    const costly = await this.#costly.look({ ...given, first, rows, pinned: state });
    return rows.map((inputs, i) => ({ inputs, ...costly[i] }));
  }

  /**
   * Takes in the turn of this number: a sample, if one arrived, and then the labels that came.
   * @param look of the sample. @default without what costs a run of a model
   */
  turn(
    number: number,
    prediction: WatchedPrediction | null,
    labels: readonly WatchedLabel[],
    look?: WatchedLook,
  ): void {
    if (prediction !== null) this.#predicted(prediction.sequence ?? number, prediction, look);
    for (const label of labels) {
      this.#positions++;
      this.#labelled(label);
    }
    this.#watched = number + 1;
  }

  /** The label of this sample will not come any more. */
  expired(sequence: number): void {
    if (sequence >= (this.#from ?? 0)) this.#report(this.#monitor.expired(sequence));
  }

  /** A step was taken whose gradient has this norm. */
  stepped(gradientNorm: number): void {
    this.#report(this.#monitor.stepped(gradientNorm));
  }

  /** An iteration is done: training has taken up so many samples. Pins what is deployed if it is time. */
  trained(samples: number, deployed: DeployedState): void {
    this.#trained = samples;
    this.#led(deployed.version);
    this.#costly.deployed(deployed.version);
    if (this.#pinAt === null || samples < this.#pinAt) return;
    this.#pinAt = null;
    this.#pin(deployed);
  }

  /** What is done about the newest record. */
  acted(action: DriftActionRecord): void {
    this.#monitor.acted(action);
    const leads = ACTS_ON_TRAINING.has(action.kind);
    this.#acting = leads ? { record: this.#newestRecord, action } : null;
  }

  /** How things are now. */
  status(): DriftStatus {
    const status = this.#monitor.status();
    return { ...status, records: status.records + this.#recordsBefore };
  }

  /** The newest records of this monitor, oldest first. */
  history(): readonly DriftRecord[] {
    return this.#monitor.history().map((record) => this.#numbered(record));
  }

  /** All that it remembers. */
  checkpoint(): DriftWatchCheckpoint {
    return {
      monitor: this.#monitor.checkpoint(),
      costly: this.#costly.checkpoint(),
      recordsBefore: this.#recordsBefore,
      from: this.#from,
      watched: this.#watched,
      positions: this.#positions,
      pinned: this.#pinned.bytes(),
      pinAt: this.#pinAt,
      trained: this.#trained,
      acting: this.#acting,
    };
  }

  /** Ends what runs for it; not the embedding, which was given. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#costly[Symbol.asyncDispose]();
  }

  #pin({ state, version }: DeployedState): void {
    const { isBlank: isFirst, hasLens } = this.#pinned;
    this.#pinned.replace(state);
    this.#costly.pin(version, hasLens || !isFirst);
    if (hasLens) this.#monitor.restart("features");
    if (hasLens || !isFirst) this.#monitor.restart("reconstruction");
    for (const report of this.#monitor.pin()) this.#report(report);
  }

  #predicted(
    sequence: number,
    { sample, version, outputs }: WatchedPrediction,
    look?: WatchedLook,
  ): void {
    const { inputs = this.#pinned.inputsOf(sample.features), ...costly } = look ?? {};
    const observation = {
      ...{ sequence, eventTimeMs: sample.eventTimeMs, version, features: inputs },
      // What preprocessing fills in was missing all the same.
      missing: missingIn(sample.features),
      probabilities: this.#ofPinned(outputs),
      ...costly,
    };
    this.#report(this.#monitor.predicted(observation));
  }

  #labelled({ sequence, label, outputs }: WatchedLabel): void {
    if (sequence < (this.#from ?? 0)) return;
    // The pinned one's first, which are at hand where the label comes with its sample.
    const probabilities = this.#ofPinned(outputs);
    const observation = {
      ...{ sequence, label, probabilities },
      deployedProbabilities: this.#probabilities(outputs, this.#classes),
    };
    this.#report(this.#monitor.labelled(observation));
  }

  /** Errors of a model that has learned nothing would tell that nothing has changed, whatever has. */
  #ofPinned(outputs: Float32Array): ArrayLike<number> {
    const at = outputs.length - this.#classes;
    if (this.#pinned.isBlank || Number.isNaN(outputs[at])) return [];
    return this.#probabilities(outputs, at);
  }

  #probabilities(outputs: Float32Array, at: number): ArrayLike<number> {
    if (outputs.length < 2 * this.#classes) return [];
    return this.#recent.of(outputs, at);
  }

  /** The first version after an action is the first that it has led to. */
  #led(version: number): void {
    if (this.#acting === null) return;
    const { record, action } = this.#acting;
    const { versions } = action;
    if (versions !== null && version <= versions.from) return;
    this.#acting = null;
    // Only the newest record can still be told.
    if (versions === null || record !== this.#newestRecord) return;
    this.#monitor.acted({ ...action, versions: { ...versions, to: version } });
  }

  get #newestRecord(): number {
    return this.#monitor.history().at(-1)?.id ?? 0;
  }

  #report(report: DriftVerdictReport | null): void {
    if (report === null) return;
    const { record } = report;
    // Whoever learns from changed samples comes to see them as usual.
    if (record?.verdict === "drift" && record.outcome === "confirmed") {
      this.#pinAt ??= this.#trained + PINNED_AFTER_SAMPLES;
    }
    this.#heed(record === null ? report : { ...report, record: this.#numbered(record) });
  }

  #numbered(record: DriftRecord): DriftRecord {
    return { ...record, id: record.id + this.#recordsBefore };
  }
}
