import type { ValueInfo } from "../graph/graph.ts";
import { kaimingNormalOut } from "./initial-values.ts";
import { add, batchNorm, conv2d, globalPool, linear, maxPool2d, relu, sizeAt } from "./layers.ts";
import type { ImageModelOptions } from "./image-model.ts";
import type { Model } from "./model.ts";
import { Network } from "./network.ts";
import { checkSizes } from "./sizes.ts";

/**
 * ResNet-18 with torchvision's layout, names and initial weights: 11,181,642 parameters in 62
 * tensors for ten classes.
 *
 * He, Zhang, Ren, Sun, Deep Residual Learning for Image Recognition, CVPR 2016.
 * @throws RangeError for a size that is not a whole number of 1 or more
 */
export function resnet18(options: ImageModelOptions = {}): Model {
  return resnet({ ...options, block: "basic", blocks: [2, 2, 2, 2] });
}

/**
 * ResNet-50 with torchvision's layout (the stride in the 3 x 3 convolution), names and initial
 * weights: 23,528,522 parameters in 161 tensors for ten classes.
 *
 * He, Zhang, Ren, Sun, Deep Residual Learning for Image Recognition, CVPR 2016.
 * @throws RangeError for a size that is not a whole number of 1 or more
 */
export function resnet50(options: ImageModelOptions = {}): Model {
  return resnet({ ...options, block: "bottleneck", blocks: [3, 4, 6, 3] });
}

/** The size of a residual network. */
export interface ResnetOptions extends ImageModelOptions {
  readonly block: "basic" | "bottleneck";
  /** Blocks in each of the layers. */
  readonly blocks: readonly number[];
  /** Channels of the first layer; each following layer has twice as many. @default 64 */
  readonly width?: number;
}

/** A residual block at the place `name`. */
type Block = (
  net: Network,
  name: string,
  x: ValueInfo,
  sizes: { readonly width: number; readonly stride: number },
) => ValueInfo;

const BLOCKS: { readonly [K in ResnetOptions["block"]]: Block } = {
  basic: basicBlock,
  bottleneck: bottleneckBlock,
};

/** torchvision's ResNet of any depth and width. */
export function resnet(options: ResnetOptions): Model {
  const { block, blocks, width = 64, classes = 10, inputSize = 32, seed = 0 } = options;
  checkSizes({ classes, inputSize, blocks, width });
  const net = new Network({ inputShape: [3, inputSize, inputSize], seed });
  let x = convolution(net, "conv1", net.input, { filters: width, kernel: 7, stride: 2 });
  x = relu(net, "relu", batchNorm(net, "bn1", x));
  x = maxPool2d(net, "maxpool", x, { kernel: 3, stride: 2, padding: 1 });
  blocks.forEach((count, layer) => {
    for (let i = 0; i < count; i++) {
      const sizes = { width: width << layer, stride: layer > 0 && i === 0 ? 2 : 1 };
      x = BLOCKS[block](net, `layer${layer + 1}.${i}`, x, sizes);
    }
  });
  return net.model(linear(net, "fc", globalPool(net, "avgpool", x), classes));
}

/** Two 3 x 3 convolutions beside the shortcut. */
function basicBlock(
  net: Network,
  name: string,
  x: ValueInfo,
  { width, stride }: { readonly width: number; readonly stride: number },
): ValueInfo {
  let y = convolution(net, `${name}.conv1`, x, { filters: width, kernel: 3, stride });
  y = relu(net, `${name}.relu1`, batchNorm(net, `${name}.bn1`, y));
  y = convolution(net, `${name}.conv2`, y, { filters: width, kernel: 3 });
  y = batchNorm(net, `${name}.bn2`, y);
  const sum = add(net, `${name}.add`, y, shortcut(net, name, x, { filters: width, stride }));
  return relu(net, `${name}.relu2`, sum);
}

/** A 3 x 3 convolution between two 1 x 1 convolutions, of which the last has four times the width. */
function bottleneckBlock(
  net: Network,
  name: string,
  x: ValueInfo,
  { width, stride }: { readonly width: number; readonly stride: number },
): ValueInfo {
  const filters = 4 * width;
  let y = convolution(net, `${name}.conv1`, x, { filters: width, kernel: 1 });
  y = relu(net, `${name}.relu1`, batchNorm(net, `${name}.bn1`, y));
  y = convolution(net, `${name}.conv2`, y, { filters: width, kernel: 3, stride });
  y = relu(net, `${name}.relu2`, batchNorm(net, `${name}.bn2`, y));
  y = convolution(net, `${name}.conv3`, y, { filters, kernel: 1 });
  y = batchNorm(net, `${name}.bn3`, y);
  const sum = add(net, `${name}.add`, y, shortcut(net, name, x, { filters, stride }));
  return relu(net, `${name}.relu3`, sum);
}

/** The input itself, or its projection where its shape changes. */
function shortcut(
  net: Network,
  name: string,
  x: ValueInfo,
  { filters, stride }: { readonly filters: number; readonly stride: number },
): ValueInfo {
  if (stride === 1 && sizeAt(x, 1) === filters) return x;
  const projected = convolution(net, `${name}.downsample.0`, x, { filters, kernel: 1, stride });
  return batchNorm(net, `${name}.downsample.1`, projected);
}

/** A convolution that keeps the size of the image but for its stride. */
function convolution(
  net: Network,
  name: string,
  x: ValueInfo,
  sizes: { readonly filters: number; readonly kernel: number; readonly stride?: number },
): ValueInfo {
  const padding = (sizes.kernel - 1) / 2;
  return conv2d(net, name, x, { ...sizes, padding, weight: kaimingNormalOut });
}
