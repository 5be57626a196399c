/** From where on, and for how long, a source is read. */
export interface ReadOptions {
  /** How many samples to skip: reading goes on where a reader stopped. @default 0 */
  readonly from?: number;
  /** Ends the iteration: the pending or next step rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}
