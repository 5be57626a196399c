import { type Layer, linear, plain, sequential } from "./layers.ts";
import type { Model } from "./model.ts";

/** Options of {@link mlp}. */
export interface MlpOptions {
  /** Features of one sample. */
  readonly inputs: number;
  /** Units of each hidden layer; none makes a linear classifier. */
  readonly hidden: readonly number[];
  /** Classes: one logit each. */
  readonly outputs: number;
  /** What follows each hidden layer. @default "relu" */
  readonly activation?: "relu" | "tanh" | "sigmoid";
  /** Seed of the initial weights. @default 0 */
  readonly seed?: number;
}

const ACTIVATIONS = { relu: "Relu", tanh: "Tanh", sigmoid: "Sigmoid" } as const;

/**
 * A multi-layer perceptron. Its layers are called fc1, fc2, ... and hold PyTorch's default initial
 * weights.
 * @throws RangeError for a size that is not a whole number of 1 or more
 */
export function mlp(options: MlpOptions): Model {
  const { inputs, hidden, outputs, activation = "relu", seed = 0 } = options;
  const sizes = [inputs, ...hidden, outputs];
  for (const size of sizes) {
    if (!Number.isSafeInteger(size) || size < 1) {
      throw new RangeError(`Layer sizes are whole numbers of 1 or more, got ${size}`);
    }
  }
  const layers = sizes.slice(1).flatMap((size, i): Layer[] => {
    const layer = linear(`fc${i + 1}`, sizes[i] ?? 0, size);
    const last = i === hidden.length;
    return last ? [layer] : [layer, plain(`${activation}${i + 1}`, ACTIVATIONS[activation])];
  });
  return sequential(layers, { inputShape: [inputs], seed });
}
