import { conv2d, linear, maxPool2d, plain, sequential } from "./layers.ts";
import type { Model } from "./model.ts";

/** Options of {@link lenet5}. */
export interface Lenet5Options {
  /** Seed of the initial weights. @default 0 */
  readonly seed?: number;
}

/**
 * LeNet-5 for 28 x 28 grey images and ten classes, in its modern form (ReLU, max pooling): 61,706
 * parameters under PyTorch's names, with PyTorch's default initial weights.
 *
 * LeCun et al., Gradient-Based Learning Applied to Document Recognition, Proc. IEEE 86(11), 1998.
 */
export function lenet5(options: Lenet5Options = {}): Model {
  const layers = [
    conv2d("conv1", { channels: 1, filters: 6, kernel: 5, padding: 2 }),
    plain("relu1", "Relu"),
    maxPool2d("pool1", 2),
    conv2d("conv2", { channels: 6, filters: 16, kernel: 5 }),
    plain("relu2", "Relu"),
    maxPool2d("pool2", 2),
    plain("flatten", "Flatten"),
    linear("fc1", 400, 120),
    plain("relu3", "Relu"),
    linear("fc2", 120, 84),
    plain("relu4", "Relu"),
    linear("fc3", 84, 10),
  ];
  return sequential(layers, { inputShape: [1, 28, 28], seed: options.seed ?? 0 });
}
