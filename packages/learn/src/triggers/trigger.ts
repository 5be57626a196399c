import type { DriftRecord, DriftVerdict } from "@everfresh/core";

export type { DriftVerdict };

/** What happened, as triggers are told. */
export type TriggerEvent =
  | ArrivedEvent
  | TestedEvent
  | VerdictEvent
  | ServedEvent
  | TimeEvent
  | TrainingBeganEvent
  | TrainingEndedEvent;

/** New samples have arrived: a chunk. */
export interface ArrivedEvent {
  readonly kind: "arrived";
  readonly samples: number;
  /** Event time of the newest one, in milliseconds; not needed unless a trigger goes by it. */
  readonly eventTimeMs?: number;
}

/** Predictions were compared with their labels. */
export interface TestedEvent {
  readonly kind: "tested";
  readonly samples: number;
  /** Mean of a score of which more is better, accuracy for example. */
  readonly score: number;
}

/** A drift detector has an opinion. */
export interface VerdictEvent {
  readonly kind: "verdict";
  readonly verdict: DriftVerdict;
  /** Probability of a change within the newest samples, 0 to 1; absent where nobody knows. */
  readonly likelihood?: number;
  /** Number of the record that the verdict made or changed; absent where there is none. */
  readonly record?: number;
  /**
   * Whether labels agree. What only label-free signals see is open at first.
   * @default "confirmed"
   */
  readonly outcome?: DriftRecord["outcome"];
  /**
   * Position in the history of the first sample after the change, as estimated; where no such sample
   * has its label yet, the position that the next one will have. Absent or null where nobody knows.
   */
  readonly since?: number | null;
}

/** Predictions were served. */
export interface ServedEvent {
  readonly kind: "served";
  readonly queries: number;
  /** Time that answering all of them took, in milliseconds. */
  readonly totalMs: number;
}

/** Nothing but that time has passed. */
export interface TimeEvent {
  readonly kind: "time";
}

/** Training has begun and taken up samples that had arrived: what it was due for is settled. */
export interface TrainingBeganEvent {
  readonly kind: "began";
  /** New samples taken up. */
  readonly samples: number;
}

/** Training is done. */
export interface TrainingEndedEvent {
  readonly kind: "ended";
  /** Samples trained on, new and old. */
  readonly samples: number;
  readonly durationMs: number;
}

/** Whether training is due, and the reason in one line. */
export interface TriggerDecision {
  /** Stays true until training begins. */
  readonly isDue: boolean;
  /** For people: what decided, with its numbers. */
  readonly why: string;
}

/** Says when to train. */
export interface Trigger {
  /** Takes an event in and says whether training is due now. */
  on(event: TriggerEvent): TriggerDecision;
  /** All that later decisions depend on, as plain data. */
  checkpoint(): TriggerCheckpoint;
  /**
   * Goes back to a checkpoint. Time that has passed since then has passed for the trigger too.
   * @throws ResumeMismatchError when it is that of another trigger
   */
  restore(checkpoint: TriggerCheckpoint): void;
}

/** Where a trigger is. */
export interface TriggerCheckpoint {
  readonly kind: string;
  /** In an order that the kind knows. */
  readonly numbers: readonly number[];
  /** Of the triggers that a combination is made of. */
  readonly of?: readonly TriggerCheckpoint[];
}
