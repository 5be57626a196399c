import type { ModelState } from "@everfresh/core";
import type { Allowance } from "./quota.ts";
import type { Entries } from "./sent-values.ts";

/** How one kind of sparsifier chooses parameters; buffers and amounts are the same for all. */
export interface Rule {
  /**
   * @param allowance how much there may be; rules that do not go by it leave it alone
   * @throws NonFiniteParameterError when a trained parameter is NaN or infinite
   */
  choose(trained: ModelState, deployed: ModelState, allowance: Allowance): Choice;
}

/** What a rule comes to. */
export interface Choice {
  readonly entries: Entries;
  /** Parameters whose value is beyond the range of the value type. */
  readonly unsendable: number;
}
