/** One layer of a transformer encoder, on rows of [batch · length, width]. */
import { assert } from "@everfresh/core";
import type { ValueInfo } from "../graph/graph.ts";
import { constant, torchDefault, xavierUniform } from "./initial-values.ts";
import {
  add,
  dropout,
  int,
  layerNorm,
  linear,
  plain,
  relu,
  reshape,
  sizeAt,
  transpose,
} from "./layers.ts";
import type { Network } from "./network.ts";

/** Sizes and choices of an encoder layer. */
export interface EncoderLayerOptions {
  /** Rows of each text. */
  readonly length: number;
  readonly heads: number;
  readonly feedForward: number;
  readonly dropout: number;
  readonly normFirst: boolean;
  readonly activation: "relu" | "gelu";
}

/** torch.nn.TransformerEncoderLayer with its names and default initial weights. */
export function encoderLayer(
  net: Network,
  name: string,
  x: ValueInfo,
  options: EncoderLayerOptions,
): ValueInfo {
  const attention = (rows: ValueInfo): ValueInfo =>
    dropout(net, `${name}.dropout1`, selfAttention(net, name, rows, options), options.dropout);
  const forward = (rows: ValueInfo): ValueInfo =>
    dropout(net, `${name}.dropout2`, feedForward(net, name, rows, options), options.dropout);
  if (options.normFirst) {
    const y = add(net, `${name}.add1`, x, attention(layerNorm(net, `${name}.norm1`, x)));
    return add(net, `${name}.add2`, y, forward(layerNorm(net, `${name}.norm2`, y)));
  }
  const y = layerNorm(net, `${name}.norm1`, add(net, `${name}.add1`, x, attention(x)));
  return layerNorm(net, `${name}.norm2`, add(net, `${name}.add2`, y, forward(y)));
}

/** softmax(q · kᵀ / √size) · v in every head, with q, k, v and the result projected. */
function selfAttention(
  net: Network,
  layer: string,
  x: ValueInfo,
  { length, heads, dropout: ratio }: EncoderLayerOptions,
): ValueInfo {
  const name = `${layer}.self_attn`;
  const width = sizeAt(x, 1);
  const size = width / heads;
  const weightShape = [3 * width, width];
  const weight = net.parameter(`${name}.in_proj_weight`, weightShape, xavierUniform(weightShape));
  const bias = net.parameter(`${name}.in_proj_bias`, [3 * width], constant(0));
  const projected = net.node(`${name}.in_proj`, "Gemm", [x, weight, bias], {
    attributes: { transB: int(1) },
  });
  const names = ["query", "key", "value"].map((part) => `${name}.${part}`);
  const parts = net.split(`${name}.split`, projected, { names, sizes: names.map(() => width) }, 1);
  const headsOf = (index: number, order: readonly number[]): ValueInfo => {
    const [part, partName] = [parts[index], names[index]];
    assert(part !== undefined && partName !== undefined, "there are three parts");
    const heads4 = reshape(net, `${partName}.heads`, part, [-1, length, heads, size]);
    return transpose(net, `${partName}.transposed`, heads4, order);
  };
  const query = headsOf(0, [0, 2, 1, 3]);
  const key = headsOf(1, [0, 2, 3, 1]);
  const value = headsOf(2, [0, 2, 1, 3]);
  const products = net.node(`${name}.products`, "MatMul", [query, key]);
  const scores = net.node(`${name}.scores`, "Mul", [products, net.scalar(1 / Math.sqrt(size))]);
  const shares = net.node(`${name}.softmax`, "Softmax", [scores], {
    attributes: { axis: int(-1) },
  });
  const kept = dropout(net, `${name}.dropout`, shares, ratio);
  const attended = net.node(`${name}.attended`, "MatMul", [kept, value]);
  const together = transpose(net, `${name}.transposed`, attended, [0, 2, 1, 3]);
  const rows = reshape(net, `${name}.rows`, together, [-1, width]);
  return linear(net, `${name}.out_proj`, rows, width, { weight: torchDefault, bias: constant(0) });
}

function feedForward(
  net: Network,
  name: string,
  x: ValueInfo,
  { feedForward: inner, dropout: ratio, activation }: EncoderLayerOptions,
): ValueInfo {
  const wide = linear(net, `${name}.linear1`, x, inner);
  const active =
    activation === "relu"
      ? relu(net, `${name}.activation`, wide)
      : plain(net, `${name}.activation`, "Gelu", wide);
  const kept = dropout(net, `${name}.dropout`, active, ratio);
  return linear(net, `${name}.linear2`, kept, sizeAt(x, 1));
}
