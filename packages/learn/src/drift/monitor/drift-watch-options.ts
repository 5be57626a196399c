import type {
  DriftActionRecord,
  DriftVerdictReport,
  ModelState,
  Preprocessing,
  Sample,
} from "@everfresh/core";
import type { TrainingSession } from "@everfresh/engine";
import type { CostlyCheckpoint, CostlyNumbers, CostlyPorts } from "./costly-inputs.ts";
import type { DriftMonitorCheckpoint } from "./drift-monitor-checkpoint.ts";
import type { DriftMonitorOptions } from "./drift-monitor-options.ts";

/** What a `DriftWatch` is made with. */
export interface DriftWatchOptions
  extends Omit<DriftMonitorOptions, "checkpoint" | "embedding" | "inputMicros">, CostlyPorts {
  readonly preprocessing: Preprocessing;
  /** The state that a run begins with: the monitor goes by its predictions until it is pinned anew. */
  readonly initial: ModelState;
  /** Multiplications of one prediction, for the budget of costly signals. @default 0 */
  readonly multiplications?: number;
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

/** All that a `DriftWatch` remembers, as plain data and bytes. */
export interface DriftWatchCheckpoint {
  readonly monitor: DriftMonitorCheckpoint;
  /** What runs models of its own. */
  readonly costly: CostlyCheckpoint;
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
  /**
   * Logits, the deployed state's second and the pinned one's last: not numbers where that was not asked,
   * empty where nobody knows them.
   */
  readonly outputs: Float32Array;
  /** Number of the sample among all. @default that of its turn */
  readonly sequence?: number;
}

/** What samples are looked at with. */
export interface LookGiven {
  readonly session: Pick<TrainingSession, "predict">;
  /** The samples as the model takes them, where that is known already. */
  readonly inputs?: readonly Float32Array[];
}

/** What is known of a sample before its turn. */
export interface WatchedLook extends CostlyNumbers {
  /** The sample as the pinned state takes it. */
  readonly inputs: Float32Array;
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
