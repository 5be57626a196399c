import type { Rule } from "./rule.ts";
import { assertFinite, entriesOf, gather } from "./sent-values.ts";
import type { SignMeanSpec } from "./sparsifier-spec.ts";
import { DifferenceSelect } from "./difference-select.ts";
import { topKRule } from "./top-k-rule.ts";

/** The smallest difference that there is. */
const SMALLEST = 2 ** -149;

/**
 * The sign of θ_i − x̂_i times the mean of |θ − x̂| over the tensor's entries, of all differences
 * or of the largest ones: one bit for a value (Karimireddy et al., "Error feedback fixes SignSGD",
 * 2019).
 */
export function signMeanRule({ amount }: SignMeanSpec): Rule {
  if (amount !== null) return topKRule({ scope: "global", valueType: "sign" });
  const select = new DifferenceSelect();
  return {
    choose: (trained, deployed) => {
      const [wanted, present] = [trained.parameters, deployed.parameters];
      const { indices, unsendable } = select.atLeast(
        { type: "float32", wanted, present, from: 0, to: wanted.length },
        SMALLEST,
      );
      if (unsendable > 0) assertFinite(trained);
      const entries = entriesOf("sign", indices, gather(wanted, indices), deployed);
      return { entries, unsendable };
    },
  };
}
