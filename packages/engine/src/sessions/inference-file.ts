import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { bytesPerElement, type ModelState, ShapeError, type StateLayout } from "@everfresh/core";
import { InvalidModelError } from "../errors.ts";
import { graphTensors } from "../models/state-tensors.ts";
import { elementTypeOf } from "../onnx/element-type.ts";
import { type ModelProto, ModelProtoSchema, TensorProtoSchema } from "../onnx/schema.ts";

// Field numbers of onnx.proto3.
const MODEL_GRAPH = 7;
const GRAPH_INITIALISER = 5;
const TENSOR_RAW_DATA = 9;

interface Place {
  /** All of the tensor's message but its elements, which follow. */
  readonly head: Uint8Array;
  readonly headOffset: number;
  readonly stateOffset: number;
  readonly byteLength: number;
}

/**
 * Makes files of an inference graph with the weights inside, from a graph that takes them as inputs:
 *
 *   graph without those inputs | head, elements of tensor 0 | head, elements of tensor 1 | ...
 *
 * Protobuf joins the parts of a message that stand one after another, so that all but the elements is
 * made only once: a file costs one copy of the state.
 */
export class InferenceFile {
  readonly #graph: Uint8Array;
  readonly #places: readonly Place[];
  readonly #byteLength: number;

  /**
   * @param onnx a graph that takes one batch and every tensor of the state but the statistics of
   *   preprocessing
   * @throws InvalidModelError when it is not an ONNX file
   * @throws ShapeError when it lacks a tensor of the state
   */
  constructor(onnx: Uint8Array, layout: StateLayout) {
    const tensors = graphTensors(layout);
    this.#graph = withoutInputs(decode(onnx), new Set(tensors.map(({ name }) => name)));
    let offset = this.#graph.length;
    this.#places = tensors.map((entry) => {
      const byteLength = entry.length * bytesPerElement(entry.dtype);
      const message = create(TensorProtoSchema, {
        name: entry.name,
        dataType: elementTypeOf(entry.dtype),
        dims: entry.shape.map(BigInt),
      });
      const head = headOf(toBinary(TensorProtoSchema, message), byteLength);
      const headOffset = offset;
      offset += head.length + byteLength;
      return { head, headOffset, stateOffset: entry.byteOffset, byteLength };
    });
    this.#byteLength = offset;
  }

  /** A file of its own memory with the values that `state` has now. */
  of(state: ModelState): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#byteLength);
    bytes.set(this.#graph);
    for (const { head, headOffset, stateOffset, byteLength } of this.#places) {
      bytes.set(head, headOffset);
      bytes.set(new Uint8Array(state.buffer, stateOffset, byteLength), headOffset + head.length);
    }
    return bytes;
  }
}

function decode(onnx: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, onnx);
  } catch (error) {
    throw new InvalidModelError("This is not an ONNX model, or the file is damaged", error);
  }
}

function withoutInputs(model: ModelProto, names: ReadonlySet<string>): Uint8Array {
  const { graph } = model;
  if (graph === undefined) throw new InvalidModelError("This ONNX model has no graph");
  const missing = new Set(names);
  for (const { name } of graph.input) missing.delete(name);
  if (missing.size > 0) {
    throw new ShapeError(`The graph lacks the state's tensors [${[...missing].join(", ")}]`);
  }
  graph.input = graph.input.filter(({ name }) => !names.has(name));
  return toBinary(ModelProtoSchema, model);
}

/** What stands before the elements of a tensor: the messages around them, and the tensor's name. */
function headOf(tensor: Uint8Array, byteLength: number): Uint8Array {
  const elements = new BinaryWriter()
    .tag(TENSOR_RAW_DATA, WireType.LengthDelimited)
    .uint32(byteLength)
    .finish();
  const tensorLength = tensor.length + elements.length + byteLength;
  const initialiser = new BinaryWriter()
    .tag(GRAPH_INITIALISER, WireType.LengthDelimited)
    .uint32(tensorLength)
    .finish();
  return new BinaryWriter()
    .tag(MODEL_GRAPH, WireType.LengthDelimited)
    .uint32(initialiser.length + tensorLength)
    .raw(initialiser)
    .raw(tensor)
    .raw(elements)
    .finish();
}
