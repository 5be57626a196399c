/** Two states that differ, for tests of sparsifiers. */
import { createState, type ModelState, Random, stateLayout } from "@everfresh/core";

const LAYOUT = stateLayout([
  { name: "conv.weight", role: "parameter", dtype: "float32", shape: [30, 10] },
  { name: "conv.bias", role: "parameter", dtype: "float32", shape: [7] },
  { name: "none", role: "parameter", dtype: "float32", shape: [0, 3] },
  { name: "scale", role: "parameter", dtype: "float32", shape: [] },
  { name: "fc.weight", role: "parameter", dtype: "float32", shape: [20, 10] },
  { name: "fc.bias", role: "parameter", dtype: "float32", shape: [10] },
  { name: "mean", role: "buffer", dtype: "float32", shape: [4] },
]);

/** A state of six parameter tensors with 518 numbers, each tensor on a scale of its own. */
export function randomState(seed: number, scale = 1): ModelState {
  const state = createState(LAYOUT, { shared: true });
  moveAtRandom(state, seed, scale);
  return state;
}

/** The same tensors, all zero. */
export function zeroState(): ModelState {
  return createState(LAYOUT);
}

/** Adds to every parameter and buffer a random number of mean 0. */
export function moveAtRandom(state: ModelState, seed: number, scale: number): void {
  const random = new Random(seed);
  state.layout.tensors.forEach(({ role, wordOffset, length }, tensor) => {
    if (role === "buffer") return;
    for (let i = wordOffset; i < wordOffset + length; i++) {
      state.parameters[i] = (state.parameters[i] ?? 0) + random.normal(0, scale / (1 + tensor));
    }
  });
}
