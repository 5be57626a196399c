import { linear } from "./layers.ts";
import type { Model } from "./model.ts";
import { Network } from "./network.ts";
import { checkSizes } from "./sizes.ts";

/** Options of {@link autoEncoder}. */
export interface AutoEncoderOptions {
  /** Numbers in one sample, and in what is made of it. */
  readonly inputs: number;
  /** Units of the layers before the code; those after it have the same the other way round. @default [] */
  readonly hidden?: readonly number[];
  /** Units of the narrowest layer. @default a quarter of `inputs`, from 1 to 32 */
  readonly code?: number;
  /** What follows every layer but the last. @default "tanh" */
  readonly activation?: "relu" | "tanh";
  /** Seed of the initial weights. @default 0 */
  readonly seed?: number;
}

const ACTIVATIONS = { relu: "Relu", tanh: "Tanh" } as const;
const CODE_MAX = 32; // enough for what a signal needs to know of an image

/**
 * A dense auto-encoder: it squeezes a sample through a narrow layer and makes the sample again, as well
 * as it has learned to. Trained with the loss `meanSquaredError` on the samples themselves, it does
 * badly on samples that are unlike those (Hinton and Salakhutdinov, Science 2006).
 *
 *     inputs → hidden … → code → … hidden → inputs
 *
 * Layers are called encoder1, …, code, decoder1, …, reconstruction, with PyTorch's default weights.
 * @throws RangeError for a size that is not a whole number of 1 or more
 */
export function autoEncoder(options: AutoEncoderOptions): Model {
  const { inputs, hidden = [], activation = "tanh", seed = 0 } = options;
  const { code = Math.min(CODE_MAX, Math.max(1, Math.floor(inputs / 4))) } = options;
  checkSizes({ inputs, hidden, code });
  const net = new Network({ inputShape: [inputs], seed });
  const layers = [
    ...hidden.map((size, i) => ({ name: `encoder${i + 1}`, size })),
    { name: "code", size: code },
    ...hidden.toReversed().map((size, i) => ({ name: `decoder${i + 1}`, size })),
  ];
  let x = net.input;
  for (const { name, size } of layers) {
    x = net.node(`${name}.${activation}`, ACTIVATIONS[activation], [linear(net, name, x, size)]);
  }
  return net.model(linear(net, "reconstruction", x, inputs));
}
