import { comparisonOf, DifferenceSelect } from "./difference-select.ts";
import type { Rule } from "./rule.ts";
import { assertFinite, entriesOf, gather, roundingOf } from "./sent-values.ts";
import type { ThresholdSpec } from "./sparsifier-spec.ts";

/** Every parameter with |round(θ_i) − x̂_i| ≥ value, which is taken as a float32. */
export function thresholdRule({ value, valueType }: ThresholdSpec): Rule {
  const select = new DifferenceSelect();
  return {
    choose: (trained, deployed) => {
      const comparison = comparisonOf(roundingOf(valueType), trained, deployed);
      const { wanted } = comparison;
      const { indices, unsendable } = select.atLeast(
        { ...comparison, from: 0, to: wanted.length },
        Math.fround(value),
      );
      if (unsendable > 0) assertFinite(trained);
      const values = gather(wanted, indices);
      return { entries: entriesOf(valueType, indices, values, deployed), unsendable };
    },
  };
}
