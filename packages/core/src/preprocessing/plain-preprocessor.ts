import { plainInto, type PlainPreprocessing, plainShapeOf } from "../preprocessing.ts";
import { sizeOf } from "../tensor.ts";
import type { Preprocessor } from "./preprocessor.ts";

/** Prepares a transform without state. */
export function plainPreprocessor(spec: PlainPreprocessing): Preprocessor {
  const inputShape = plainShapeOf(spec);
  const size = sizeOf(inputShape);
  return {
    spec,
    rawSize: size,
    inputShape,
    statistics: [],
    statisticsIn: () => [],
    initial: () => [],
    observe: (statistics) => statistics,
    transform: (_, batch) => {
      const inputs = new Float32Array(batch.length * size);
      batch.forEach((features, i) => plainInto(spec, features, inputs, i * size));
      return inputs;
    },
    augment: () => undefined,
    distance: () => 0,
  };
}
