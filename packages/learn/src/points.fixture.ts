import { classes, Random, type Sample } from "@everfresh/core";
import type { Source } from "@everfresh/streams";

/**
 * `size` points around one centre per class; each a function of the seed and its number alone, as a
 * replayable source must be.
 */
export function points(options: {
  readonly size: number;
  readonly inputs: number;
  readonly classes: number;
}): Source {
  const { size, inputs } = options;
  return {
    name: "points",
    size,
    schema: {
      features: { dtype: "float32", shape: [inputs] },
      target: classes(options.classes),
    },
    async *read({ from = 0, signal } = {}): AsyncGenerator<Sample> {
      for (let n = from; n < size; n++) {
        await Promise.resolve();
        signal?.throwIfAborted();
        const random = new Random(1, n);
        const label = random.below(options.classes);
        const features = Float32Array.from({ length: inputs }, (_, i) =>
          random.normal(i % options.classes === label ? 1 : 0, 0.7),
        );
        yield { id: `points-${n}`, eventTimeMs: n, features, label };
      }
    },
  };
}
