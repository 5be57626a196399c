import type { ValueInfo } from "../graph/graph.ts";
import { uniform } from "./initial-values.ts";
import { embedding, idsOf, int, linear, sizeAt, transpose } from "./layers.ts";
import type { Model } from "./model.ts";
import { Network } from "./network.ts";
import { checkSizes } from "./sizes.ts";

/** Options of {@link lstmClassifier}. */
export interface LstmClassifierOptions {
  /** Number of different tokens; ids are 0 to vocabulary − 1. */
  readonly vocabulary: number;
  /** Tokens of each text. */
  readonly length: number;
  /** Classes: one logit each. @default 2 */
  readonly classes?: number;
  /** Numbers that stand for each token. @default 64 */
  readonly width?: number;
  /** Units of each recurrent layer. @default 128 */
  readonly hidden?: number;
  /** Recurrent layers. @default 1 */
  readonly layers?: number;
  /** Seed of the initial weights. @default 0 */
  readonly seed?: number;
}

/** Outputs of ONNX's LSTM. */
const EVERY_STATE = 0;
const LAST_STATE = 1;

/** Input, output, forget and cell. */
const GATES = 4;

/**
 * A classifier of texts: token embeddings, LSTM layers, and one linear layer over the last state. A
 * sample is `length` token ids as float32 numbers. Recurrent weights lie as in ONNX (gates in the
 * order input, output, forget, cell), with PyTorch's default initial weights: ±1/√hidden.
 *
 * Hochreiter, Schmidhuber, Long Short-Term Memory, Neural Computation 9(8), 1997.
 * @throws RangeError for a size that is not a whole number of 1 or more
 */
export function lstmClassifier(options: LstmClassifierOptions): Model {
  const { vocabulary, length, classes = 2, width = 64, hidden = 128, layers = 1 } = options;
  checkSizes({ vocabulary, length, classes, width, hidden, layers });
  const net = new Network({ inputShape: [length], seed: options.seed ?? 0 });
  const ids = idsOf(net, "ids", net.input);
  // LSTM takes time first; ids are less to move than embeddings.
  const steps = transpose(net, "steps", ids, [1, 0]);
  let x = embedding(net, "embedding", steps, { rows: vocabulary, width });
  for (let i = 0; i < layers; i++) {
    x = lstm(net, `lstm.${i}`, x, { hidden, output: i < layers - 1 ? EVERY_STATE : LAST_STATE });
  }
  return net.model(linear(net, "head", x, classes));
}

/** One LSTM layer over [time, batch, inputs] from a state of zeros, without its dimension of one direction. */
function lstm(
  net: Network,
  name: string,
  x: ValueInfo,
  { hidden, output }: { readonly hidden: number; readonly output: 0 | 1 },
): ValueInfo {
  const initial = uniform(1 / Math.sqrt(hidden));
  const weights = [
    net.parameter(`${name}.weight_ih`, [1, GATES * hidden, sizeAt(x, 2)], initial),
    net.parameter(`${name}.weight_hh`, [1, GATES * hidden, hidden], initial),
    // One for what comes in and one for the state, as in PyTorch.
    net.parameter(`${name}.bias`, [1, 2 * GATES * hidden], initial),
  ];
  const attributes = { hidden_size: int(hidden) };
  const states = net.node(name, "LSTM", [x, ...weights], { attributes, output });
  const direction = net.ints([output === EVERY_STATE ? 1 : 0]);
  return net.node(`${name}.squeezed`, "Squeeze", [states, direction]);
}
