import { comparisonOf, DifferenceSelect } from "./difference-select.ts";
import { largestPerTensor, parameterTensors } from "./per-tensor.ts";
import type { Rule } from "./rule.ts";
import { assertFinite, entriesOf, gather, roundingOf } from "./sent-values.ts";
import type { TopKSpec } from "./sparsifier-spec.ts";

/**
 * The k parameters in which the deployed state `x̂` is furthest from the trained state `θ`:
 *
 *   rank_i = |round(θ_i) − x̂_i|
 *
 * Equal ones are skipped, ties go to the lower index. Ranking by the rounded value matters: by
 * `|θ − x̂|` entries whose rounded value is already sent would win again. Increments (`int8`,
 * `sign`) rank by `|θ − x̂|`: what rounding leaves is in the next difference. O(parameters),
 * without sorting.
 *
 * Per tensor, the largest max(1, ⌊ratio · n⌋) of the n entries of each tensor are taken, as by
 * Prapas et al. (2021).
 */
export function topKRule({ scope, valueType }: Pick<TopKSpec, "scope" | "valueType">): Rule {
  const select = new DifferenceSelect();
  const type = roundingOf(valueType);
  return {
    choose: (trained, deployed, { entries, ratio }) => {
      const comparison = comparisonOf(type, trained, deployed);
      const { wanted } = comparison;
      const { indices, unsendable } =
        scope === "global"
          ? select.largest({ ...comparison, from: 0, to: wanted.length }, entries)
          : largestPerTensor(select, comparison, parameterTensors(trained.layout), ratio);
      if (unsendable > 0) assertFinite(trained);
      const values = gather(wanted, indices);
      return { entries: entriesOf(valueType, indices, values, deployed), unsendable };
    },
  };
}
