import { type ModelState, ShapeError, type Tensor, tensorOf } from "@everfresh/core";
import { writeOnnx } from "../onnx/write.ts";
import type { Model } from "./model.ts";

/** Options of {@link exportModel}. */
export interface ExportOptions {
  /** Texts by name that the file carries (`metadata_props`). @default none */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * The model as a plain ONNX file, weights inside, batch size open: what any other ONNX runtime
 * takes, and what `importModel` reads back to an equal model.
 * @param state the weights to write; by default the model's own
 * @throws ShapeError when the state is not of the model's layout
 */
export function exportModel(
  model: Model,
  state: ModelState = model.state,
  { metadata = {} }: ExportOptions = {},
): Uint8Array {
  const { graph } = model;
  const [expected, actual] = [model.state.layout.byteLength, state.layout.byteLength];
  if (actual !== expected) {
    throw new ShapeError(`Model's state has ${expected} bytes, got ${actual}`);
  }
  const weights = graph.state.map(({ name }): [string, Tensor] => [name, tensorOf(state, name)]);
  // Constants as nodes: as initialisers they would be read back as weights.
  return writeOnnx({
    ...graph,
    name: "model",
    initialisers: weights,
    constantNodes: graph.constants,
    metadata,
  });
}
