import type { Clock, Features } from "@everfresh/core";
import type { LagSummary } from "./lag-histogram.ts";

/** A prediction as it was made, to be scored when its label comes. */
export interface Prediction {
  /** Of the sample. */
  readonly id: string;
  /** Version of the state that was deployed then. */
  readonly version: number;
  /** When the sample happened, in milliseconds since the Unix epoch. */
  readonly eventTimeMs: number;
  /** Raw features of the sample: it enters the history with its label. */
  readonly features: Features;
  /** What the states that are evaluated have answered; of as many as the caller puts together. */
  readonly outputs: Float32Array;
  /** What the baselines answered: the last label that had arrived then, and the most frequent one. */
  readonly noChange: number | null;
  readonly majority: number | null;
}

/** A label that has arrived. */
export interface ArrivedLabel {
  /** Of its sample. */
  readonly id: string;
  /** A class index, or a number. */
  readonly label: number;
}

/** When something came, in milliseconds since the Unix epoch. @default when it is taken in */
interface Timed {
  readonly atMs?: number;
}

/** What comes to a {@link LabelJoin}, in the order in which it came. */
export type LabelEvent =
  | ({ readonly kind: "predicted"; readonly prediction: Prediction } & Timed)
  | ({ readonly kind: "labelled"; readonly label: ArrivedLabel } & Timed);

/** What is stored together with events. */
export interface TakeOptions {
  /** How far their origin has been read with them. @default as before */
  readonly cursor?: number;
  /** Whether what follows from them is kept as turns, to be looked at again. @default false */
  readonly keepTurns?: boolean;
}

/** What has happened to a prediction: they are numbered in the order in which it did. */
export type LabelTurn =
  /** It was stored: by its sequence among all predictions. */
  | (Omit<Prediction, "noChange" | "majority"> & {
      readonly kind: "predicted";
      readonly sequence: number;
    })
  /** Its label came. */
  | {
      readonly kind: "joined";
      readonly sequence: number;
      readonly label: number;
      readonly outputs: Float32Array;
    }
  /** It was given up, or erased. */
  | { readonly kind: "expired"; readonly sequence: number };

/** A prediction that waits. */
export interface PendingPrediction extends Prediction {
  /** Its number among all predictions that were stored, from 0. */
  readonly sequence: number;
  /** When it was stored, in milliseconds since the Unix epoch. */
  readonly predictedAtMs: number;
}

/** A prediction and its label. */
export interface JoinedPrediction extends Prediction {
  readonly label: number;
  /** When the prediction was stored and when the label came, in milliseconds since the Unix epoch. */
  readonly predictedAtMs: number;
  readonly labelledAtMs: number;
  /** Predictions that were stored between this one and its label. */
  readonly lagSamples: number;
}

/** What became of a prediction. */
export type PredictionFate =
  /** It waits for its label. */
  | "stored"
  /** Its label was there already. */
  | "joined"
  /** There was one of this id before, and that one stands. */
  | "duplicate";

/** What became of a label. */
export type LabelFate =
  /** It met its prediction. */
  | "joined"
  /** It waits for its sample. */
  | "early"
  /** There was one of this id before, and that one stands. */
  | "duplicate"
  /** Its prediction has been given up. */
  | "expired";

/** What has happened so far, also before the process was started. */
export interface LabelStats {
  /** Predictions that were ever stored. */
  readonly predicted: number;
  /** Predictions that wait for labels, and labels that wait for samples. */
  readonly pending: number;
  readonly early: number;
  /** Labels that have met their predictions. */
  readonly joined: number;
  /** Predictions that were given up: too old, or too many. */
  readonly expiredByAge: number;
  readonly expiredByRoom: number;
  /** Labels that were given up: no sample came in time, or there were too many. */
  readonly earlyExpired: number;
  /** Labels that came after their prediction was given up. */
  readonly tooLate: number;
  /** Labels, and predictions, of an id that had one. */
  readonly duplicateLabels: number;
  readonly duplicatePredictions: number;
  /** Duplicate labels that said something else than the first one. */
  readonly conflicts: number;
  /** From a prediction to its label, in milliseconds, and in predictions stored in between. */
  readonly lagMs: LagSummary;
  readonly lagSamples: LagSummary;
}

/**
 * Keeps predictions until their labels come. A label scores the prediction that was made when the
 * sample arrived, never a new one; a sample becomes one of the history when its label is there. What
 * has been joined is numbered from 0 in the order of joining, and stays until it is released: so that
 * number n can be sample n of the history, and a crash in between loses nothing.
 */
export interface LabelJoin extends AsyncDisposable {
  /**
   * Stores predictions in their order, all or none; resolves when they are stored.
   * @throws LabelBacklogError when too many joined ones have not been released
   * @throws LabelsWriteError when the disk or another program does not let it
   */
  predicted(predictions: readonly Prediction[]): Promise<readonly PredictionFate[]>;
  /**
   * Takes labels in, in their order, all or none; resolves when what follows from them is stored.
   * @throws RangeError for a label that is not a finite number
   * @throws LabelBacklogError when too many joined ones have not been released
   * @throws LabelsWriteError when the disk or another program does not let it
   */
  labelled(labels: readonly ArrivedLabel[]): Promise<readonly LabelFate[]>;
  /**
   * Takes predictions and labels in, in their order, all or none, as if each had been a call of its
   * own; resolves when what follows from them is stored.
   * @throws RangeError for a label that is not a finite number
   * @throws LabelBacklogError when too many joined ones have not been released
   * @throws LabelsWriteError when the disk or another program does not let it
   */
  take(events: readonly LabelEvent[], options?: TakeOptions): Promise<void>;
  /** How far the origin of events has been read; 0 at first. */
  cursor(): number;
  /** Turns that were ever kept; those before `kept` are released. */
  turns(): { readonly count: number; readonly released: number };
  /**
   * The turns from number `from` up to but without `to`.
   * @throws RangeError unless released ≤ from ≤ to ≤ count
   * @throws LabelsUnreadableError when what is stored cannot be read
   */
  turnsIn(from: number, to: number): Promise<readonly LabelTurn[]>;
  /** Forgets the turns below number `to`. @throws RangeError when there are not so many */
  releaseTurns(to: number): Promise<void>;
  /** Gives up what has waited too long; returns how many predictions. The other calls do so too. */
  expire(): Promise<number>;
  /** How many have been joined, those included that were released. */
  joinedCount(): number;
  /**
   * The joined ones from number `from` up to but without `to`.
   * @throws RangeError unless released ≤ from ≤ to ≤ {@link joinedCount}
   * @throws LabelsUnreadableError when what is stored cannot be read
   */
  joined(from: number, to: number): Promise<readonly JoinedPrediction[]>;
  /**
   * The predictions that wait for labels, of those from `sequence` on, in their order.
   * @throws LabelsUnreadableError when what is stored cannot be read
   */
  pending(sequence: number): Promise<readonly PendingPrediction[]>;
  /** How many predictions wait for labels, of those below `sequence`. */
  pendingBelow(sequence: number): number;
  /**
   * Forgets the joined ones below number `to`, once they are safe in the history.
   * @throws RangeError when there are not so many
   */
  release(to: number): Promise<void>;
  /**
   * Erases what is stored of the sample of an id, its label and its prediction included. Of one that is
   * joined and not released an empty one stays, see `isErased`, with its answers and its label. Returns
   * whether there was something.
   * @throws LabelsWriteError when the disk or another program does not let it
   */
  erase(id: string): Promise<boolean>;
  /** The counts so far. */
  stats(): LabelStats;
}

/** Options of every {@link LabelJoin}. */
export interface LabelJoinOptions {
  /** When things happen; a clock that is set back stands still. */
  readonly clock: Pick<Clock, "nowMs">;
  /** How long a prediction waits for its label, and the other way round. @default 7 days */
  readonly expireAfterMs?: number;
  /** Predictions that may wait; the oldest go first. @default 100,000 */
  readonly pendingMax?: number;
  /**
   * Labels without a sample that may wait; the oldest go first. With 0 such a label counts as too late:
   * for an origin that never gives a label before its sample. @default 10,000
   */
  readonly earlyMax?: number;
  /** Ids that are remembered to know duplicates by, the newest ones. @default 100,000 */
  readonly rememberedMax?: number;
  /** Joined ones that need not have been released; beyond it nothing is joined. @default 100,000 */
  readonly joinedMax?: number;
}

/** Bounds of a {@link LabelJoin}. */
export type LabelLimits = Required<Omit<LabelJoinOptions, "clock">>;

/** The bounds that options ask for. */
export function labelLimits(options: LabelJoinOptions): LabelLimits {
  return {
    expireAfterMs: options.expireAfterMs ?? 7 * 24 * 3_600_000,
    pendingMax: options.pendingMax ?? 100_000,
    earlyMax: options.earlyMax ?? 10_000,
    rememberedMax: options.rememberedMax ?? 100_000,
    joinedMax: options.joinedMax ?? 100_000,
  };
}
