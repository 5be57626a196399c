import type { ValueInfo } from "../graph/graph.ts";
import type { ImageModelOptions } from "./image-model.ts";
import { kaimingNormal } from "./initial-values.ts";
import { add, batchNorm, conv2d, globalPool, linear, relu, sizeAt } from "./layers.ts";
import type { Model } from "./model.ts";
import { Network } from "./network.ts";
import { checkSizes } from "./sizes.ts";

/**
 * The ResNet-20 that He et al. made for CIFAR-10, with projections where the shape changes (their
 * option B): 272,474 parameters in 65 tensors for ten classes. Kaiming-normal initial weights, as in
 * the usual PyTorch versions.
 *
 * He, Zhang, Ren, Sun, Deep Residual Learning for Image Recognition, CVPR 2016, section 4.2.
 * @throws RangeError for a size that is not a whole number of 1 or more
 */
export function resnet20(options: ImageModelOptions = {}): Model {
  return cifarResnet({ ...options, blocks: 3 });
}

/** The size of a residual network for CIFAR: 6 · blocks + 2 layers. */
export interface CifarResnetOptions extends ImageModelOptions {
  /** Blocks in each of the three stages. */
  readonly blocks: number;
  /** Channels of the first stage. @default 16 */
  readonly width?: number;
}

/** He et al.'s residual network for CIFAR of any depth and width. */
export function cifarResnet(options: CifarResnetOptions): Model {
  const { blocks, width = 16, classes = 10, inputSize = 32, seed = 0 } = options;
  checkSizes({ classes, inputSize, blocks, width });
  const net = new Network({ inputShape: [3, inputSize, inputSize], seed });
  let x = convolution(net, "conv1", net.input, { filters: width, stride: 1 });
  x = relu(net, "relu", batchNorm(net, "bn1", x));
  for (const stage of [0, 1, 2]) {
    for (let i = 0; i < blocks; i++) {
      const sizes = { filters: width << stage, stride: stage > 0 && i === 0 ? 2 : 1 };
      x = residualBlock(net, `layer${stage + 1}.${i}`, x, sizes);
    }
  }
  const logits = linear(net, "linear", globalPool(net, "pool", x), classes, {
    weight: kaimingNormal,
  });
  return net.model(logits);
}

function residualBlock(
  net: Network,
  name: string,
  x: ValueInfo,
  { filters, stride }: { readonly filters: number; readonly stride: number },
): ValueInfo {
  let y = convolution(net, `${name}.conv1`, x, { filters, stride });
  y = relu(net, `${name}.relu1`, batchNorm(net, `${name}.bn1`, y));
  y = batchNorm(net, `${name}.bn2`, convolution(net, `${name}.conv2`, y, { filters, stride: 1 }));
  let shortcut = x;
  if (stride !== 1 || sizeAt(x, 1) !== filters) {
    const sizes = { filters, kernel: 1, stride, weight: kaimingNormal };
    shortcut = conv2d(net, `${name}.shortcut.0`, x, sizes);
    shortcut = batchNorm(net, `${name}.shortcut.1`, shortcut);
  }
  return relu(net, `${name}.relu2`, add(net, `${name}.add`, y, shortcut));
}

function convolution(
  net: Network,
  name: string,
  x: ValueInfo,
  sizes: { readonly filters: number; readonly stride: number },
): ValueInfo {
  return conv2d(net, name, x, { ...sizes, kernel: 3, padding: 1, weight: kaimingNormal });
}
