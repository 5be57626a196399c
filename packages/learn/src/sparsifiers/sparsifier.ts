import type { ModelState, StateChange } from "@everfresh/core";

/** Chooses which part of the way from the deployed state to the trained one is sent next. */
export interface Sparsifier {
  /**
   * The change to make to `deployed`; what it leaves out stays in the difference of the two states.
   * Both states have the same layout and are only read.
   * @throws NonFiniteParameterError when a trained parameter is NaN or infinite
   */
  select(trained: ModelState, deployed: ModelState): StateChange;
  /** Parameters in the last selection whose value is beyond the range of the value type: never sent. */
  readonly unsendable: number;
}
