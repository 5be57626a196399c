import { tensor } from "@everfresh/core";
import type { ValueInfo } from "../graph/graph.ts";
import { encoderLayer } from "./encoder-layer.ts";
import { normal } from "./initial-values.ts";
import { add, embedding, idsOf, int, layerNorm, linear, reshape } from "./layers.ts";
import type { Model } from "./model.ts";
import { Network } from "./network.ts";
import { checkDropout, checkSizes } from "./sizes.ts";

/** Options of {@link transformerEncoder}. */
export interface TransformerEncoderOptions {
  /** Number of different tokens; ids are 0 to vocabulary − 1. */
  readonly vocabulary: number;
  /** Tokens of each text. */
  readonly length: number;
  /** Classes: one logit each. @default 2 */
  readonly classes?: number;
  /** Numbers that stand for each token. @default 128 */
  readonly width?: number;
  /** Heads of attention; they divide the width. @default 4 */
  readonly heads?: number;
  /** Encoder layers. @default 2 */
  readonly layers?: number;
  /** Width inside the feed-forward part of each layer. @default 4 · width */
  readonly feedForward?: number;
  /** Part that each step of training drops, in the four places of PyTorch's layer. @default 0.1 */
  readonly dropout?: number;
  /** Whether normalisation comes before attention and feed-forward. @default false */
  readonly normFirst?: boolean;
  /** @default "relu" */
  readonly activation?: "relu" | "gelu";
  /** Positions as trained vectors or as sines and cosines of fixed wavelengths. @default "learned" */
  readonly positions?: "learned" | "sinusoidal";
  /** Seed of the initial weights. @default 0 */
  readonly seed?: number;
}

/** Deviation of learned positions at first: small beside the tokens, so that these lead. */
const POSITION_DEVIATION = 0.02;

/**
 * A classifier of texts: token and position embeddings, layers as PyTorch's
 * `nn.TransformerEncoderLayer` (and as there a last normalisation with `normFirst`), the mean over
 * all positions, and one linear layer. A sample is `length` token ids as float32 numbers.
 *
 * Vaswani et al., Attention Is All You Need, NeurIPS 2017.
 * @throws RangeError for a size that is not a whole number of 1 or more, heads that do not divide the
 * width, or an impossible dropout
 */
export function transformerEncoder(options: TransformerEncoderOptions): Model {
  const { vocabulary, length, classes = 2, width = 128, heads = 4, layers = 2 } = options;
  const { feedForward = 4 * width, dropout = 0.1, normFirst = false, seed = 0 } = options;
  const { activation = "relu", positions = "learned" } = options;
  checkSizes({ vocabulary, length, classes, width, heads, layers, feedForward });
  checkDropout(dropout);
  if (width % heads !== 0) {
    throw new RangeError(`width ${width} does not divide into ${heads} heads`);
  }
  const net = new Network({ inputShape: [length], seed });
  const ids = idsOf(net, "ids", net.input);
  const tokens = embedding(net, "embedding", ids, { rows: vocabulary, width });
  const places =
    positions === "learned"
      ? net.parameter("positions.weight", [length, width], normal(POSITION_DEVIATION))
      : sinusoids(net, length, width);
  let x = reshape(net, "rows", add(net, "embedded", tokens, places), [-1, width]);
  for (let i = 0; i < layers; i++) {
    const layer = { length, heads, feedForward, dropout, normFirst, activation };
    x = encoderLayer(net, `encoder.layers.${i}`, x, layer);
  }
  if (normFirst) x = layerNorm(net, "encoder.norm", x);
  const texts = reshape(net, "texts", x, [-1, length, width]);
  const mean = net.node("mean", "ReduceMean", [texts, net.ints([1])], {
    attributes: { keepdims: int(0) },
  });
  return net.model(linear(net, "head", mean, classes));
}

/** Position p has sin(p / 10000^(i / width)) at even places i and the cosine of the same after it. */
function sinusoids(net: Network, length: number, width: number): ValueInfo {
  const data = Float32Array.from({ length: length * width }, (_, k) => {
    const i = k % width;
    const angle = Math.floor(k / width) / 10_000 ** ((i - (i % 2)) / width);
    return i % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });
  return net.constant("positions", tensor("float32", [length, width], data));
}
