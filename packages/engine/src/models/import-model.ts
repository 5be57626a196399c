import {
  createState,
  dataOf,
  type ModelState,
  type Shape,
  stateLayout,
  type StateRole,
  type StateTensorSpec,
  type Tensor,
} from "@everfresh/core";
import { ModelDTypeError, ModelSignatureError } from "../errors.ts";
import { BATCH, fixedShape, formatShape, sameDimension } from "../graph/dimension.ts";
import type { Graph, GraphNode, ValueInfo } from "../graph/graph.ts";
import { elementTypeName } from "../onnx/element-type.ts";
import { type DeclaredValue, type OnnxFile, readOnnx } from "../onnx/read.ts";
import { TensorProto_DataType } from "../onnx/schema.ts";
import { RUNNING_STATISTICS } from "../ops/batch-normalisation.ts";
import { inferTypes } from "../ops/type-inference.ts";
import { freeze } from "./freeze.ts";
import { withFloatInput } from "./integer-input.ts";
import type { Model, ModelPort } from "./model.ts";
import { normaliseNodes } from "./normalisation.ts";
import { trainableValues } from "./trainable.ts";
import { withOwnInitialisers } from "./training-exports.ts";

/** Options of {@link importModel}. */
export interface ImportOptions {
  /** Patterns of parameters that are not to be trained, as {@link freeze} takes them. @default [] */
  readonly freeze?: readonly string[];
}

/**
 * Reads an ONNX file, for example one that PyTorch exported. float32 initialisers that gradients
 * reach become the state's parameters (scalars excepted: exporters write constants as such), the
 * running statistics of BatchNormalization its buffers; all others stay constants. The first
 * dimension of the input is the batch, whatever its size in the file. Ids, as an int64 or int32
 * input, become float32 numbers that are cast inside the graph, exact up to 2²⁴.
 *
 * @throws InvalidModelError when the bytes are not an ONNX model
 * @throws UnsupportedOpsetError, UnsupportedOperatorError (naming operator and node)
 * @throws ModelDTypeError for elements that are not float32
 * @throws ShapeInferenceError naming the node whose shape cannot be told
 * @throws ModelSignatureError without exactly one input and one float32 output
 * @throws ExternalDataError when weights lie in another file
 * @throws UnmatchedPatternError when a pattern to freeze matches no parameter
 */
export function importModel(bytes: Uint8Array, options: ImportOptions = {}): Model {
  const { freeze: patterns = [] } = options;
  const model = readModel(bytes);
  return patterns.length === 0 ? model : freeze(model, patterns);
}

function readModel(bytes: Uint8Array): Model {
  const file = withFloatInput(withOwnInitialisers(readOnnx(bytes)));
  const { input, fixedBatch } = soleInput(file);
  const outputName = soleOutput(file).name;
  const { nodes, constants } = normaliseNodes(file, { input, outputName, fixedBatch });
  const trainable = trainableValues(nodes, outputName, constants);
  const statistics = runningStatistics(nodes);
  const roleOf = ([name, { shape }]: readonly [string, Tensor]): StateRole | null => {
    if (!file.initialisers.has(name) || shape.length === 0) return null;
    if (trainable.has(name)) return "parameter";
    return statistics.has(name) ? "buffer" : null;
  };
  const used = [...constants].filter(([name]) => nodes.some((n) => n.inputs.includes(name)));
  const withRole = (role: StateRole | null): [string, Tensor][] =>
    used.filter((entry) => roleOf(entry) === role);
  const state = stateFrom(withRole("parameter"), withRole("buffer"));
  const graph: Omit<Graph, "outputs"> = {
    inputs: [input],
    state: state.layout.tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
    constants: new Map(withRole(null)),
    nodes,
  };
  const output = outputOf(graph, outputName);
  return {
    graph: { ...graph, outputs: [output] },
    state,
    input: portOf(input),
    output: portOf(output),
  };
}

function soleInput({ inputs }: OnnxFile): {
  readonly input: ValueInfo;
  readonly fixedBatch: number | null;
} {
  const [input] = inputs;
  if (input === undefined || inputs.length > 1) {
    throw new ModelSignatureError(
      `Model has ${inputs.length} inputs${namesOf(inputs)}; it must have exactly one, float32`,
    );
  }
  checkFloat32("Input", input);
  const [batch, ...sizes] = input.shape ?? [];
  if (batch === undefined || sizes.some((size) => typeof size !== "number")) {
    throw new ModelSignatureError(
      `Input "${input.name}" has shape ${describeShape(input)}; only the first dimension, the ` +
        "batch, may be open",
    );
  }
  const shape = sizes.filter((size) => typeof size === "number");
  return {
    input: { name: input.name, dtype: "float32", shape: [BATCH, ...shape] },
    fixedBatch: typeof batch === "number" ? batch : null,
  };
}

function soleOutput({ outputs }: OnnxFile): DeclaredValue {
  const [output] = outputs;
  if (output === undefined || outputs.length > 1) {
    throw new ModelSignatureError(
      `Model has ${outputs.length} outputs${namesOf(outputs)}; it must have exactly one, float32`,
    );
  }
  checkFloat32("Output", output);
  return output;
}

function checkFloat32(what: string, { name, elementType }: DeclaredValue): void {
  if (elementType !== (TensorProto_DataType.FLOAT as number)) {
    throw new ModelDTypeError(`${what} "${name}"`, elementTypeName(elementType), "float32");
  }
}

function outputOf(graph: Omit<Graph, "outputs">, name: string): ValueInfo {
  const type = inferTypes(graph).get(name);
  if (type === undefined) throw new ModelSignatureError(`No node makes the output "${name}"`);
  const [first] = type.shape;
  const perSample = fixedShape(type.shape.slice(1));
  if (first === undefined || !sameDimension(first, BATCH) || perSample === null) {
    throw new ModelSignatureError(
      `Output "${name}" has shape ${formatShape(type.shape)}; it must be one row per sample`,
    );
  }
  if (type.dtype !== "float32")
    throw new ModelDTypeError(`Output "${name}"`, type.dtype, "float32");
  return { name, dtype: type.dtype, shape: type.shape };
}

/** The names of what BatchNormalization keeps from step to step. */
function runningStatistics(nodes: readonly GraphNode[]): ReadonlySet<string> {
  const normalisations = nodes.filter(({ operator }) => operator === "BatchNormalization");
  return new Set(
    normalisations.flatMap(({ inputs }) => RUNNING_STATISTICS.map((at) => inputs[at] ?? "")),
  );
}

function stateFrom(
  parameters: readonly (readonly [string, Tensor])[],
  buffers: readonly (readonly [string, Tensor])[],
): ModelState {
  const specOf =
    (role: StateRole) =>
    ([name, { dtype, shape }]: readonly [string, Tensor]): StateTensorSpec => {
      return { name, role, dtype, shape };
    };
  const specs = [...parameters.map(specOf("parameter")), ...buffers.map(specOf("buffer"))];
  const values = new Map([...parameters, ...buffers]);
  const state = createState(stateLayout(specs));
  for (const entry of state.layout.tensors) {
    const data = values.get(entry.name)?.data;
    const target = dataOf(state, entry);
    if (data instanceof Float32Array && target instanceof Float32Array) target.set(data);
  }
  return state;
}

function portOf({ name, shape }: ValueInfo): ModelPort {
  const perSample: Shape | null = fixedShape(shape.slice(1));
  return { name, shape: perSample ?? [] };
}

function describeShape({ shape }: DeclaredValue): string {
  return shape === null ? "of unknown rank" : `[${shape.join(", ")}]`;
}

function namesOf(values: readonly DeclaredValue[]): string {
  return values.length === 0 ? "" : ` (${values.map(({ name }) => name).join(", ")})`;
}
