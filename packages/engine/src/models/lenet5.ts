import { conv2d, linear, maxPool2d, plain, relu } from "./layers.ts";
import type { Model } from "./model.ts";
import { Network } from "./network.ts";

/** Options of {@link lenet5}. */
export interface Lenet5Options {
  /** Height and width of the images: 28 are padded to the 32 that the network is made for. @default 28 */
  readonly inputSize?: 28 | 32;
  /** 1 for grey images, 3 for colour. @default 1 */
  readonly channels?: 1 | 3;
  /** Seed of the initial weights. @default 0 */
  readonly seed?: number;
}

/**
 * LeNet-5 for ten classes, in its modern form (ReLU, max pooling): for 28 x 28 grey images 61,706
 * parameters under PyTorch's names, with PyTorch's default initial weights.
 *
 * LeCun et al., Gradient-Based Learning Applied to Document Recognition, Proc. IEEE 86(11), 1998.
 */
export function lenet5(options: Lenet5Options = {}): Model {
  const { inputSize = 28, channels = 1, seed = 0 } = options;
  const net = new Network({ inputShape: [channels, inputSize, inputSize], seed });
  const conv1 = { filters: 6, kernel: 5, padding: (32 - inputSize) / 2, bias: true };
  let x = relu(net, "relu1", conv2d(net, "conv1", net.input, conv1));
  x = maxPool2d(net, "pool1", x, { kernel: 2 });
  x = relu(net, "relu2", conv2d(net, "conv2", x, { filters: 16, kernel: 5, bias: true }));
  x = maxPool2d(net, "pool2", x, { kernel: 2 });
  x = plain(net, "flatten", "Flatten", x);
  x = relu(net, "relu3", linear(net, "fc1", x, 120));
  x = relu(net, "relu4", linear(net, "fc2", x, 84));
  return net.model(linear(net, "fc3", x, 10));
}
