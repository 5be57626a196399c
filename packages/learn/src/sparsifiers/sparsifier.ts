import type { ModelState, RandomPosition, StateChange } from "@everfresh/core";
import type { Published } from "../publisher.ts";
import type { QuotaPosition } from "./quota.ts";

/** Chooses which part of the way from the deployed parameters to the trained ones is sent next. */
export interface Sparsifier {
  /**
   * The change to make to `deployed`, without buffers; what it leaves out stays in the difference of
   * the two states. Without entries there is nothing to send, or it is not yet time to. Both states
   * have the same layout and are only read.
   * @param bufferBytes bytes of buffers that go with the same update; 0 by default
   * @throws NonFiniteParameterError when a trained parameter is NaN or infinite
   */
  select(trained: ModelState, deployed: ModelState, bufferBytes?: number): StateChange;
  /**
   * Parameters in the last selection whose value is beyond the range of the value type: never sent.
   */
  readonly unsendable: number;
  /**
   * Called after every selection, when it was published, or null when there was nothing to publish.
   * @param atMs milliseconds since the Unix epoch
   */
  published?(published: Published | null, atMs: number): void;
  /** All that later selections depend on beside the two states, as plain data. */
  position?(): SparsifierPosition;
  /** Goes back to a position; selections then are those that followed it. */
  restore?(position: SparsifierPosition): void;
}

/** Where a sparsifier is: see {@link Sparsifier.position}. */
export interface SparsifierPosition {
  /** Where its random numbers are; absent when it draws none. */
  readonly random?: RandomPosition;
  /** What it knows about the bytes of updates; absent when it does not go by them. */
  readonly quota?: QuotaPosition;
}
