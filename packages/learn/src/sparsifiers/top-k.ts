import type { ValueType } from "@everfresh/core";
import type { Sparsifier } from "./sparsifier.ts";
import { sparsifierOf } from "./sparsifier-of.ts";

/** Options of {@link topK}. */
export interface TopKOptions {
  /** Share of all parameters that an update carries, above 0, at most 1. */
  readonly ratio: number;
  /**
   * How values travel.
   * @default "float32"
   */
  readonly valueType?: ValueType;
}

/**
 * The share of all parameters in which the deployed state is furthest from the trained one: the
 * sparsifier of kind `topK` and scope `global`.
 * @throws LearnOptionError for a ratio that is not above 0 and at most 1
 */
export function topK({ ratio, valueType = "float32" }: TopKOptions): Sparsifier {
  return sparsifierOf({
    kind: "topK",
    scope: "global",
    amount: { kind: "ratio", ratio },
    valueType,
  });
}
