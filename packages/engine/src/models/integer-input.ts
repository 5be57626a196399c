import type { DeclaredNode, OnnxFile } from "../onnx/read.ts";
import { TensorProto_DataType } from "../onnx/schema.ts";

/** Element types of ids that float32 holds exactly, up to 2²⁴. */
const ID_TYPES: readonly number[] = [TensorProto_DataType.INT32, TensorProto_DataType.INT64];

/**
 * The file with a float32 input in the place of one of ids (int64 or int32), under the same name,
 * and a Cast behind it: samples are float32 throughout.
 */
export function withFloatInput(file: OnnxFile): OnnxFile {
  const [input, ...others] = file.inputs;
  if (input === undefined || !ID_TYPES.includes(input.elementType)) return file;
  const taken = new Set(file.nodes.flatMap(({ outputs }) => outputs));
  let ids = `${input.name}.ids`;
  while (taken.has(ids)) ids = `${ids}_`;
  const cast: DeclaredNode = {
    name: ids,
    operator: "Cast",
    inputs: [input.name],
    outputs: [ids],
    attributes: { to: { kind: "int", value: input.elementType } },
  };
  const nodes = file.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map((name) => (name === input.name ? ids : name)),
  }));
  return {
    ...file,
    inputs: [{ ...input, elementType: TensorProto_DataType.FLOAT }, ...others],
    nodes: [cast, ...nodes],
  };
}
