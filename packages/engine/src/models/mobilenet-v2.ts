import type { ValueInfo } from "../graph/graph.ts";
import type { ImageModelOptions } from "./image-model.ts";
import { constant, kaimingNormalOut, normal } from "./initial-values.ts";
import { add, batchNorm, conv2d, dropout, globalPool, linear, relu6, sizeAt } from "./layers.ts";
import type { Model } from "./model.ts";
import { Network } from "./network.ts";
import { checkDropout, checkSizes } from "./sizes.ts";

/** Options of {@link mobilenetV2}. */
export interface MobilenetV2Options extends ImageModelOptions {
  /** Part of the last features that each step of training drops. @default 0.2 */
  readonly dropout?: number;
}

/** Inverted residual blocks: how much wider inside, channels, how many, stride of the first. */
const STAGES = [
  { expansion: 1, channels: 16, count: 1, stride: 1 },
  { expansion: 6, channels: 24, count: 2, stride: 2 },
  { expansion: 6, channels: 32, count: 3, stride: 2 },
  { expansion: 6, channels: 64, count: 4, stride: 2 },
  { expansion: 6, channels: 96, count: 3, stride: 1 },
  { expansion: 6, channels: 160, count: 3, stride: 2 },
  { expansion: 6, channels: 320, count: 1, stride: 1 },
] as const;

const FIRST_CHANNELS = 32;
const LAST_CHANNELS = 1280;

/**
 * MobileNetV2 with torchvision's layout, names and initial weights: 2,236,682 parameters in 158
 * tensors for ten classes.
 *
 * Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR 2018.
 * @throws RangeError for a size that is not a whole number of 1 or more, or an impossible dropout
 */
export function mobilenetV2(options: MobilenetV2Options = {}): Model {
  return mobilenet({ ...options, width: 1 });
}

/** The size of a MobileNetV2. */
export interface MobilenetOptions extends MobilenetV2Options {
  /** Factor of all channels; they stay multiples of 8. */
  readonly width: number;
}

/** torchvision's MobileNetV2 of any width. */
export function mobilenet(options: MobilenetOptions): Model {
  const { width, classes = 10, inputSize = 32, dropout: ratio = 0.2, seed = 0 } = options;
  checkSizes({ classes, inputSize });
  checkDropout(ratio);
  const net = new Network({ inputShape: [3, inputSize, inputSize], seed });
  const stem = { filters: channelsOf(FIRST_CHANNELS * width), kernel: 3, stride: 2 };
  let x = convolution(net, "features.0", net.input, stem);
  let place = 1;
  for (const { expansion, channels, count, stride } of STAGES) {
    for (let i = 0; i < count; i++) {
      x = invertedResidual(net, `features.${place++}`, x, {
        expansion,
        filters: channelsOf(channels * width),
        stride: i === 0 ? stride : 1,
      });
    }
  }
  const last = { filters: channelsOf(LAST_CHANNELS * Math.max(1, width)), kernel: 1 };
  x = convolution(net, `features.${place}`, x, last);
  x = dropout(net, "classifier.0", globalPool(net, "pool", x), ratio);
  const weights = { weight: () => normal(0.01), bias: constant(0) };
  return net.model(linear(net, "classifier.1", x, classes, weights));
}

/** Widens by 1 x 1, convolves each channel on its own, narrows by 1 x 1 without activation. */
function invertedResidual(
  net: Network,
  name: string,
  x: ValueInfo,
  sizes: { readonly expansion: number; readonly filters: number; readonly stride: number },
): ValueInfo {
  const { expansion, filters, stride } = sizes;
  const hidden = sizeAt(x, 1) * expansion;
  let y = x;
  let place = 0;
  if (expansion !== 1) {
    y = convolution(net, `${name}.conv.${place++}`, y, { filters: hidden, kernel: 1 });
  }
  const depthwise = { filters: hidden, kernel: 3, stride, groups: hidden };
  y = convolution(net, `${name}.conv.${place++}`, y, depthwise);
  const narrow = { filters, kernel: 1, weight: kaimingNormalOut };
  y = conv2d(net, `${name}.conv.${place++}`, y, narrow);
  y = batchNorm(net, `${name}.conv.${place}`, y);
  const keepsShape = stride === 1 && sizeAt(x, 1) === filters;
  return keepsShape ? add(net, `${name}.add`, x, y) : y;
}

/** torchvision's Conv2dNormActivation. */
function convolution(
  net: Network,
  name: string,
  x: ValueInfo,
  sizes: {
    readonly filters: number;
    readonly kernel: number;
    readonly stride?: number;
    readonly groups?: number;
  },
): ValueInfo {
  const padding = (sizes.kernel - 1) / 2;
  const y = conv2d(net, `${name}.0`, x, { ...sizes, padding, weight: kaimingNormalOut });
  return relu6(net, `${name}.2`, batchNorm(net, `${name}.1`, y));
}

/** The multiple of 8 next to `channels`, but not less than nine tenths of it. */
function channelsOf(channels: number): number {
  const rounded = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return rounded < 0.9 * channels ? rounded + 8 : rounded;
}
