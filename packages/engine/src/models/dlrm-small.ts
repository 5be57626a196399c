import type { ValueInfo } from "../graph/graph.ts";
import { type InitialValues, normal, uniform } from "./initial-values.ts";
import {
  concat,
  embedding,
  idsOf,
  int,
  linear,
  relu,
  reshape,
  sizeAt,
  slice,
  transpose,
} from "./layers.ts";
import type { Model } from "./model.ts";
import { Network } from "./network.ts";
import { checkSizes } from "./sizes.ts";

/** Options of {@link dlrmSmall}. */
export interface DlrmSmallOptions {
  /** Real-valued features of a sample. */
  readonly dense: number;
  /** For each categorical feature how many ids it has: 0 to that number − 1. */
  readonly categories: readonly number[];
  /** Numbers that stand for each id. @default 16 */
  readonly width?: number;
  /** Units of the hidden layers below, over the dense features. @default [64, 32] */
  readonly bottom?: readonly number[];
  /** Units of the hidden layers above, over the interactions. @default [64, 32] */
  readonly top?: readonly number[];
  /** Numbers that come out: 1 for binary cross-entropy, or one logit per class. @default 1 */
  readonly outputs?: number;
  /** Seed of the initial weights. @default 0 */
  readonly seed?: number;
}

/**
 * A recommender: an embedding per categorical feature and a perceptron over the dense ones give
 * vectors of one width; their dot products with each other and the perceptron's vector go through a
 * second perceptron. A sample is the dense features and then the ids, all as float32 numbers. Names
 * and initial weights are those of the authors' PyTorch code.
 *
 * Naumov et al., Deep Learning Recommendation Model for Personalization and Recommendation Systems,
 * arXiv 1906.00091, 2019.
 * @throws RangeError for a size that is not a whole number of 1 or more
 */
export function dlrmSmall(options: DlrmSmallOptions): Model {
  const { dense, categories, width = 16, outputs = 1, seed = 0 } = options;
  const { bottom = [64, 32], top = [64, 32] } = options;
  checkSizes({ dense, categories, width, bottom, top, outputs });
  const inputs = dense + categories.length;
  const net = new Network({ inputShape: [inputs], seed });
  const features = slice(net, "dense", net.input, { start: 0, end: dense, axis: 1 });
  const below = perceptron(net, "bot_l", features, [...bottom, width]);
  const base = relu(net, `bot_l.${2 * bottom.length + 1}`, below);
  const categorical = slice(net, "categorical", net.input, { start: dense, end: inputs, axis: 1 });
  const ids = idsOf(net, "ids", categorical);
  const vectors = categories.map((rows, i) => {
    const id = slice(net, `ids.${i}`, ids, { start: i, end: i + 1, axis: 1 });
    const initial = uniform(1 / Math.sqrt(rows));
    return embedding(net, `emb_l.${i}`, id, { rows, width, initial });
  });
  const stacked = concat(
    net,
    "vectors",
    [reshape(net, "base", base, [0, 1, width]), ...vectors],
    1,
  );
  const above = concat(net, "interactions", [base, dotProducts(net, stacked)], 1);
  return net.model(perceptron(net, "top_l", above, [...top, outputs]));
}

/** The dot product of every vector with every one before it: [batch, count · (count − 1) / 2]. */
function dotProducts(net: Network, vectors: ValueInfo): ValueInfo {
  const count = sizeAt(vectors, 1);
  const transposed = transpose(net, "vectors.transposed", vectors, [0, 2, 1]);
  const products = net.node("products", "MatMul", [vectors, transposed]);
  const flat = reshape(net, "products.flat", products, [0, count * count]);
  const pairs = Array.from({ length: count * count }, (_, k) => k).filter(
    (k) => k % count < Math.floor(k / count),
  );
  return net.node("pairs", "Gather", [flat, net.ints(pairs)], { attributes: { axis: int(1) } });
}

/** Linear layers with ReLU between them, numbered as in torch.nn.Sequential. */
function perceptron(net: Network, name: string, x: ValueInfo, sizes: readonly number[]): ValueInfo {
  return sizes.reduce((y, outputs, i) => {
    const hidden = i === 0 ? y : relu(net, `${name}.${2 * i - 1}`, y);
    const bias: InitialValues = normal(Math.sqrt(1 / outputs));
    const weight = ([m = 1, n = 1]: readonly number[]): InitialValues =>
      normal(Math.sqrt(2 / (m + n)));
    return linear(net, `${name}.${2 * i}`, hidden, outputs, { weight, bias });
  }, x);
}
