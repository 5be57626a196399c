import { linear } from "./layers.ts";
import type { Model } from "./model.ts";
import { Network } from "./network.ts";
import { checkSizes } from "./sizes.ts";

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
  checkSizes({ inputs, hidden, outputs });
  const net = new Network({ inputShape: [inputs], seed });
  let x = net.input;
  hidden.forEach((size, i) => {
    const y = linear(net, `fc${i + 1}`, x, size);
    x = net.node(`${activation}${i + 1}`, ACTIVATIONS[activation], [y]);
  });
  return net.model(linear(net, `fc${hidden.length + 1}`, x, outputs));
}
