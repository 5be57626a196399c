import type { Random } from "@everfresh/core";
import { randomSubset } from "./random-subset.ts";
import type { Rule } from "./rule.ts";
import { areFinite, assertFinite, entriesOf, worthSending } from "./sent-values.ts";
import type { RandomKSpec } from "./sparsifier-spec.ts";

/**
 * k of all n parameters, every subset equally likely, whatever their differences; those that change
 * nothing are not sent. Biased, the value is θ_i, and what is not drawn waits. Unbiased, it is
 *
 *   x̂_i + (n / k) · (θ_i − x̂_i)
 *
 * so that the mean over all draws is θ_i (Stich et al., "Sparsified SGD with memory", 2018).
 */
export function randomKRule({ unbiased, valueType }: RandomKSpec, random: () => Random): Rule {
  return {
    choose: (trained, deployed, allowance) => {
      const [wanted, present] = [trained.parameters, deployed.parameters];
      if (!areFinite(wanted)) assertFinite(trained);
      const count = Math.min(allowance.entries, wanted.length);
      const scale = wanted.length / count;
      const valueAt = (index: number): number => {
        const value = wanted[index] ?? 0;
        if (!unbiased) return value;
        const old = present[index] ?? 0;
        return old + scale * (value - old);
      };
      const drawn = randomSubset(random(), count, wanted.length);
      const { indices, unsendable } = worthSending(valueType, drawn, valueAt, present);
      const values = Float32Array.from(indices, valueAt);
      return { entries: entriesOf(valueType, indices, values, deployed), unsendable };
    },
  };
}
