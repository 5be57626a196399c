/** Random uses of recurrent layers. */
import type { Tensor } from "@everfresh/core";
import fc from "fast-check";
import type { Attributes } from "../graph/graph.ts";
import type { RecurrentKind } from "../graph/operator-kind.ts";
import { flags, int, seeds, sizes, smooth, text } from "./case-source.fixture.ts";
import type { OperatorCase } from "./gradient-check.fixture.ts";

/** One recurrent layer with all that it reads. */
export interface RecurrentCase extends OperatorCase {
  readonly sizes: {
    readonly steps: number;
    readonly batch: number;
    readonly inputs: number;
    readonly hidden: number;
    readonly directions: number;
  };
}

/**
 * Uses of one kind of layer, of all directions, with and without biases and initial states.
 * @param layer how many blocks of rows its weights have, and how many states it keeps
 */
function layers(
  layer: { readonly gates: number; readonly states: number },
  attributes: fc.Arbitrary<Attributes>,
): fc.Arbitrary<RecurrentCase> {
  return fc
    .record({
      steps: fc.integer({ min: 1, max: 5 }),
      batch: sizes,
      inputs: sizes,
      hidden: sizes,
      direction: fc.constantFrom("forward", "reverse", "bidirectional"),
      bias: flags,
      initial: flags,
      attributes,
      seed: seeds,
    })
    .map(({ steps, batch, inputs, hidden, direction, bias, initial, attributes: own, seed }) => {
      const directions = direction === "bidirectional" ? 2 : 1;
      const rows = layer.gates * hidden;
      const state = (i: number): Tensor => smooth(seed + 5 + i, [directions, batch, hidden]);
      return {
        sizes: { steps, batch, inputs, hidden, directions },
        attributes: { ...own, direction: text(direction), hidden_size: int(hidden) },
        inputs: [
          smooth(seed, [steps, batch, inputs]),
          smooth(seed + 1, [directions, rows, inputs]),
          smooth(seed + 2, [directions, rows, hidden]),
          bias ? smooth(seed + 3, [directions, 2 * rows]) : null,
          null,
          ...(initial ? Array.from({ length: layer.states }, (_, i) => state(i)) : []),
        ],
      };
    });
}

/** Uses of recurrent layers. */
export const RECURRENT_CASES: { readonly [K in RecurrentKind]: fc.Arbitrary<RecurrentCase> } = {
  GRU: layers(
    { gates: 3, states: 1 },
    fc.constantFrom(0, 1).map((linear) => ({ linear_before_reset: int(linear) })),
  ),
  LSTM: layers({ gates: 4, states: 2 }, fc.constant({})),
  RNN: layers({ gates: 1, states: 1 }, fc.constant({})),
};
