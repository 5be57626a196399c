import {
  cloneState,
  type DeployedState,
  type DriftActionRecord,
  type DriftRecord,
  type DriftStatus,
  type DriftVerdictReport,
  type ModelState,
  preprocessBatch,
  type Preprocessing,
  type Sample,
  stateBytes,
  stateOn,
} from "@everfresh/core";
import { softmaxRows } from "../../evaluate/softmax.ts";
import { DriftMonitor } from "./drift-monitor.ts";
import type { DriftMonitorOptions } from "./drift-monitor-options.ts";
import type { DriftMonitorCheckpoint } from "./drift-monitor-checkpoint.ts";

/**
 * Samples that training has taken up since a drift was seen, after which the monitor goes by the state
 * that is deployed then: about as many as its signals need to learn a new normal from.
 */
const PINNED_AFTER_SAMPLES = 1_000;

/** Actions after which training goes on otherwise than before. */
const ACTS_ON_TRAINING: ReadonlySet<DriftActionRecord["kind"]> = new Set([
  ...(["newData", "window", "rewarm", "retrain"] as const),
]);

/** What {@link DriftWatch} is made with. */
export interface DriftWatchOptions extends Omit<DriftMonitorOptions, "checkpoint"> {
  readonly preprocessing: Preprocessing;
  /** The state that a run begins with: the monitor goes by its predictions until it is pinned anew. */
  readonly initial: ModelState;
  /** Where to go on. */
  readonly checkpoint?: DriftWatchCheckpoint | undefined;
  /**
   * Samples taken up by training at which the monitor begins to go by the state that is deployed then:
   * where the initial one knows nothing yet, and is not looked at. @default it goes by the initial state
   */
  readonly pinFirstAt?: number;
  /** Records that there were before this monitor, of others. @default 0 */
  readonly recordsBefore?: number;
}

/** All that a {@link DriftWatch} remembers, as plain data and bytes. */
export interface DriftWatchCheckpoint {
  readonly monitor: DriftMonitorCheckpoint;
  readonly recordsBefore: number;
  /** Samples below this one it has not seen (null before the first one), */
  readonly from: number | null;
  /** and turns below this one it has: samples as they arrived, each with the label that came with it. */
  readonly watched: number;
  /** Samples of the history whose labels had come by then. */
  readonly positions: number;
  /** Bytes of the pinned state; null while that is the initial one. */
  readonly pinned: Uint8Array | null;
  /** So many samples taken up by training are to pin it anew; null while nothing calls for it. */
  readonly pinAt: number | null;
  /** Samples that training had taken up. */
  readonly trained: number;
  /** What was done last, until it is known which version that has led to; null otherwise. */
  readonly acting: { readonly record: number; readonly action: DriftActionRecord } | null;
}

/** A sample with what the states have answered. */
export interface WatchedPrediction {
  readonly sample: Pick<Sample, "features" | "eventTimeMs">;
  /** Version that was deployed then. */
  readonly version: number;
  /** Logits, the deployed state's second and the pinned one's last; empty where nobody knows them. */
  readonly outputs: Float32Array;
}

/** A label with what the states had answered when its sample arrived. */
export interface WatchedLabel {
  /** Number of the sample. */
  readonly sequence: number;
  readonly label: number;
  /** As of {@link WatchedPrediction}. */
  readonly outputs: Float32Array;
}

/** Is told of every report when it is made, before the monitor sees anything more. */
export type HeedReport = (report: DriftVerdictReport) => void;

/**
 * Lets a drift monitor see what a run sees, in an order that does not depend on when the process was
 * started: sample by sample as they arrive, and label by label as they come.
 */
export class DriftWatch {
  readonly #monitor: DriftMonitor;
  readonly #classes: number;
  readonly #preprocessing: Preprocessing;
  readonly #recordsBefore: number;
  /** Whether the initial state knows nothing: what it predicts is then not looked at. */
  readonly #isInitialFresh: boolean;
  #pinned: ModelState;
  #isInitial: boolean;
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
    const { checkpoint, initial, preprocessing, recordsBefore, pinFirstAt, ...made } = options;
    this.#monitor = new DriftMonitor({ ...made, checkpoint: checkpoint?.monitor });
    this.#classes = options.classes;
    this.#preprocessing = preprocessing;
    this.#recordsBefore = checkpoint?.recordsBefore ?? recordsBefore ?? 0;
    const pinned = checkpoint?.pinned ?? null;
    this.#isInitial = pinned === null;
    this.#isInitialFresh = pinFirstAt !== undefined;
    this.#pinned = pinned === null ? initial : stateFrom(pinned, initial);
    this.#from = checkpoint?.from ?? null;
    this.#watched = checkpoint?.watched ?? 0;
    this.#positions = checkpoint?.positions ?? 0;
    this.#pinAt = checkpoint === undefined ? (pinFirstAt ?? null) : checkpoint.pinAt;
    this.#trained = checkpoint?.trained ?? 0;
    this.#acting = checkpoint?.acting ?? null;
  }

  /** Predicts for the monitor, beside the states that are tested. */
  get pinned(): ModelState {
    return this.#pinned;
  }

  /** Turns that it has seen: the next sample, or the label that comes with it, has this number. */
  get watched(): number {
    return this.#watched;
  }

  /** Samples of the history whose labels have come: the next one that does has this position. */
  get positions(): number {
    return this.#positions;
  }

  /** Goes on at this sample and this position of the history, unless a checkpoint says where. */
  begin(at: number, positions: number): void {
    if (this.#from !== null) return;
    this.#from = at;
    this.#watched = at;
    this.#positions = positions;
  }

  /** From now on `heed` is told of reports. */
  follow(heed: HeedReport): void {
    this.#heed = heed;
  }

  /** Takes in the turn of this number: a sample, if one arrived, and then the labels that came. */
  turn(
    number: number,
    prediction: WatchedPrediction | null,
    labels: readonly WatchedLabel[],
  ): void {
    if (prediction !== null) this.#predicted(number, prediction);
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
    if (this.#pinAt === null || samples < this.#pinAt) return;
    this.#pinAt = null;
    this.#pinned = cloneState(deployed.state, { shared: true });
    this.#isInitial = false;
    this.#monitor.pin();
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
      recordsBefore: this.#recordsBefore,
      from: this.#from,
      watched: this.#watched,
      positions: this.#positions,
      pinned: this.#isInitial ? null : stateBytes(this.#pinned).slice(),
      pinAt: this.#pinAt,
      trained: this.#trained,
      acting: this.#acting,
    };
  }

  #predicted(sequence: number, { sample, version, outputs }: WatchedPrediction): void {
    const { features, eventTimeMs } = sample;
    const observation = {
      ...{ sequence, eventTimeMs, version },
      features: preprocessBatch(this.#preprocessing, [features]),
      probabilities: this.#ofPinned(outputs),
    };
    this.#report(this.#monitor.predicted(observation));
  }

  #labelled({ sequence, label, outputs }: WatchedLabel): void {
    if (sequence < (this.#from ?? 0)) return;
    const observation = {
      ...{ sequence, label },
      probabilities: this.#ofPinned(outputs),
      deployedProbabilities: this.#probabilities(outputs, this.#classes),
    };
    this.#report(this.#monitor.labelled(observation));
  }

  /** Errors of a model that has learned nothing would tell that nothing has changed, whatever has. */
  #ofPinned(outputs: Float32Array): ArrayLike<number> {
    if (this.#isInitial && this.#isInitialFresh) return [];
    return this.#probabilities(outputs, outputs.length - this.#classes);
  }

  #probabilities(outputs: Float32Array, at: number): ArrayLike<number> {
    if (outputs.length < 2 * this.#classes) return [];
    return softmaxRows(outputs.subarray(at, at + this.#classes), 1)[0] ?? [];
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

function stateFrom(bytes: Uint8Array, { layout }: ModelState): ModelState {
  return cloneState(stateOn(layout, new Uint8Array(bytes).buffer), { shared: true });
}
