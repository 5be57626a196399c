/** Names of the ways to compute a convolution; `ops/formulation.ts` chooses among them. */

/** Ways to compute Y. */
export type ForwardFormulation = "blocked" | "dense" | "rows" | "standard";

/** Ways to compute ∂X. */
export type InputFormulation = "blocked" | "dense" | "rows" | "standard";

/** Ways to compute ∂W. */
export type WeightFormulation =
  | "blockedColumns"
  | "blockedImages"
  | "blockedPixels"
  | "dense"
  | "depthwise"
  | "rows"
  | "standard";

/** How one convolution is computed; what is absent is chosen by the shapes. */
export interface Formulation {
  readonly forward?: ForwardFormulation;
  readonly inputGradient?: InputFormulation;
  readonly weightGradient?: WeightFormulation;
}
