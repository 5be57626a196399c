import type { ValueInfo } from "../graph/graph.ts";
import type { ImageModelOptions } from "./image-model.ts";
import { constant, kaimingNormal } from "./initial-values.ts";
import {
  averagePool2d,
  batchNorm,
  concat,
  conv2d,
  globalPool,
  linear,
  maxPool2d,
  relu,
  sizeAt,
} from "./layers.ts";
import type { Model } from "./model.ts";
import { Network } from "./network.ts";
import { checkSizes } from "./sizes.ts";

/**
 * DenseNet-161 with torchvision's layout, names and initial weights: 26,494,090 parameters in 484
 * tensors for ten classes.
 *
 * Huang, Liu, van der Maaten, Weinberger, Densely Connected Convolutional Networks, CVPR 2017.
 * @throws RangeError for a size that is not a whole number of 1 or more
 */
export function densenet161(options: ImageModelOptions = {}): Model {
  return densenet({ ...options, growth: 48, blocks: [6, 12, 36, 24], stem: 96 });
}

/** The size of a densely connected network. */
export interface DensenetOptions extends ImageModelOptions {
  /** Channels that each layer adds. */
  readonly growth: number;
  /** Layers in each of the blocks. */
  readonly blocks: readonly number[];
  /** Channels of the first convolution. */
  readonly stem: number;
}

/** The 1 x 1 convolution of a layer has so many times the channels that the layer adds. */
const BOTTLENECK = 4;

/** torchvision's DenseNet of any depth and growth. */
export function densenet(options: DensenetOptions): Model {
  const { growth, blocks, stem, classes = 10, inputSize = 32, seed = 0 } = options;
  checkSizes({ classes, inputSize, growth, blocks, stem });
  const net = new Network({ inputShape: [3, inputSize, inputSize], seed });
  const first = { filters: stem, kernel: 7, stride: 2, padding: 3, weight: kaimingNormal };
  let x = conv2d(net, "features.conv0", net.input, first);
  x = relu(net, "features.relu0", batchNorm(net, "features.norm0", x));
  x = maxPool2d(net, "features.pool0", x, { kernel: 3, stride: 2, padding: 1 });
  blocks.forEach((layers, i) => {
    x = denseBlock(net, `features.denseblock${i + 1}`, x, { layers, growth });
    if (i < blocks.length - 1) x = transition(net, `features.transition${i + 1}`, x);
  });
  x = relu(net, "features.relu5", batchNorm(net, "features.norm5", x));
  const pooled = globalPool(net, "pool", x);
  return net.model(linear(net, "classifier", pooled, classes, { bias: constant(0) }));
}

/** Layers of which each sees what all before it made. */
function denseBlock(
  net: Network,
  name: string,
  x: ValueInfo,
  { layers, growth }: { readonly layers: number; readonly growth: number },
): ValueInfo {
  let all = x;
  for (let i = 1; i <= layers; i++) {
    const layer = `${name}.denselayer${i}`;
    const added = denseLayer(net, layer, all, growth);
    all = concat(net, `${layer}.concat`, [all, added], 1);
  }
  return all;
}

function denseLayer(net: Network, name: string, x: ValueInfo, growth: number): ValueInfo {
  const narrow = { filters: BOTTLENECK * growth, kernel: 1, weight: kaimingNormal };
  const wide = { filters: growth, kernel: 3, padding: 1, weight: kaimingNormal };
  let y = relu(net, `${name}.relu1`, batchNorm(net, `${name}.norm1`, x));
  y = conv2d(net, `${name}.conv1`, y, narrow);
  y = relu(net, `${name}.relu2`, batchNorm(net, `${name}.norm2`, y));
  return conv2d(net, `${name}.conv2`, y, wide);
}

/** Halves channels, height and width. */
function transition(net: Network, name: string, x: ValueInfo): ValueInfo {
  const half = { filters: Math.floor(sizeAt(x, 1) / 2), kernel: 1, weight: kaimingNormal };
  const y = relu(net, `${name}.relu`, batchNorm(net, `${name}.norm`, x));
  return averagePool2d(net, `${name}.pool`, conv2d(net, `${name}.conv`, y, half), 2);
}
