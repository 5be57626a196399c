import { isSendable } from "@everfresh/core";
import type { Rule } from "./rule.ts";
import { areFinite, assertFinite, entriesOf, gather, roundingOf } from "./sent-values.ts";
import { roundAllTo } from "./rounding.ts";
import type { DenseSpec } from "./sparsifier-spec.ts";

/**
 * Every parameter whose rounded bits are not the deployed ones, so that afterwards `x̂` is round(θ)
 * to the last bit, signs of zeros too.
 */
export function denseRule({ valueType }: DenseSpec): Rule {
  const type = roundingOf(valueType);
  return {
    choose: (trained, deployed) => {
      const rounded = roundAllTo[type](
        trained.parameters,
        () => new Float32Array(trained.parameters.length),
      );
      const different = differentWords(rounded, deployed.parameters);
      let indices = different;
      if (!areFinite(rounded)) {
        assertFinite(trained);
        indices = different.filter((index) => isSendable(type, rounded[index] ?? 0));
      }
      const entries = entriesOf(valueType, indices, gather(rounded, indices), deployed);
      return { entries, unsendable: different.length - indices.length };
    },
  };
}

/** The indices of all words that two vectors do not have in common. */
function differentWords(a: Float32Array, b: Float32Array): Uint32Array<ArrayBuffer> {
  const [left, right] = [a, b].map(({ buffer, byteOffset, length }) => {
    return new Int32Array(buffer, byteOffset, length);
  });
  if (left === undefined || right === undefined) return new Uint32Array(0);
  let count = 0;
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) count++;
  const indices = new Uint32Array(count);
  count = 0;
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) indices[count++] = i;
  return indices;
}
