/** How far the stream has come: the sequences of the newest sample and label, -1 before. */
export interface Progress {
  readonly newest: number;
  readonly newestLabel: number;
  /** Version that is deployed. */
  readonly version: number;
}
