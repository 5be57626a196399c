import type { RandomPosition, Update } from "@everfresh/core";

/** Where updates go: the log first, then the replicas. */
export interface Publisher {
  /**
   * Makes an update durable, then visible. When the log already has an update at this version, because
   * the step that made it is being replayed after a crash, the logged one stands and is returned.
   */
  publish(update: Update, origin: UpdateOrigin): Promise<Published>;
}

/** Which step made an update. */
export interface UpdateOrigin {
  /** Its number. */
  readonly step: number;
  /** The positions of the history below this have been learned from, those of the step included. */
  readonly samples: number;
  /** Where the sampler's random numbers are after the step. */
  readonly sampler: RandomPosition;
}

/** What became of an update. */
export interface Published {
  /** The update that stands in the log at that version. */
  readonly update: Update;
  /** Length of its encoding in bytes. */
  readonly bytes: number;
  /** Whether the log had it already. */
  readonly replayed: boolean;
}
