/**
 * Brings what exporters write into the one form that the rest of the engine knows: no copies, no
 * arithmetic on shapes, no fixed batch size, no nodes that the output does not need.
 */
import type { Tensor } from "@everfresh/core";
import { InvalidModelError, UnsupportedOperatorError } from "../errors.ts";
import { intAttribute } from "../graph/attributes.ts";
import { fixedShape } from "../graph/dimension.ts";
import type { Attribute, Attributes, GraphNode, ValueInfo } from "../graph/graph.ts";
import { elementTypeOf } from "../onnx/element-type.ts";
import type { DeclaredNode, OnnxFile } from "../onnx/read.ts";
import { TensorProto_DataType } from "../onnx/schema.ts";
import type { KnownType } from "../ops/operator.ts";
import { fixedSize, normaliseAxis } from "../ops/inference.ts";
import { isOperatorKind, OPERATORS } from "../ops/operators.ts";
import { inferTypes, inputTypes, type TypeTable } from "../ops/type-inference.ts";
import { ConstantTable } from "./constant-table.ts";
import { decomposed } from "./decompositions.ts";
import { withoutSequences } from "./sequences.ts";
import { onImages } from "./series.ts";
import { withRandomMasks } from "./random-masks.ts";
import { withoutLengths, withoutZeros } from "./zeros.ts";
import { withoutTrainingMode } from "./training-exports.ts";

/** What the normal form needs to know about the model's ports. */
export interface NormalisationOptions {
  readonly input: ValueInfo;
  readonly outputName: string;
  /** The batch size that the model was exported for, or null. */
  readonly fixedBatch: number | null;
}

/** Nodes in normal form with every constant and initialiser that they refer to. */
export interface NormalNodes {
  readonly nodes: readonly GraphNode[];
  readonly constants: ReadonlyMap<string, Tensor>;
}

/** The normal form of a file's nodes; initialisers are constants here like all others. */
export function normaliseNodes(file: OnnxFile, options: NormalisationOptions): NormalNodes {
  const { input, outputName, fixedBatch } = options;
  const constants = new ConstantTable(
    [...file.initialisers, ...file.constants],
    [input.name, ...file.nodes.flatMap((node) => node.outputs)],
  );
  const needed = withoutUnused(file.nodes, outputName);
  checkReferences(needed, new Set([input.name, ...constants.keys()]), outputName);
  const plain = withoutSequences(withRandomMasks(needed, constants), constants);
  const supported = withoutUnused(plain, outputName)
    .flatMap((node) => decomposed(node, constants))
    .map((node) => withAxesAsInput(supportedNode(node), constants));
  const single = withoutCopies(withoutTrainingMode(supported, constants), outputName);
  const isWeight = (name: string): boolean => file.initialisers.has(name);
  const direct = onImages(
    withoutUnused(withoutZeros(single, constants, isWeight), outputName),
    constants,
  );
  const open =
    fixedBatch === null ? direct : direct.map((node) => withOpenBatch(node, fixedBatch, constants));
  const types = inferTypes({ inputs: [input], state: [], constants, nodes: open });
  const folded = open.map((node) => withConstantShapes(node, types, constants));
  const normal = folded.map((node) =>
    withSplitSizes(withPlainCast(withoutLengths(node), types), types, constants),
  );
  return { nodes: withoutUnused(normal, outputName), constants };
}

/** The nodes that `output` depends on, in the same order. */
function withoutUnused<N extends Pick<DeclaredNode, "inputs" | "outputs">>(
  nodes: readonly N[],
  output: string,
): readonly N[] {
  const needed = new Set([output]);
  const kept: N[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => name !== "" && needed.has(name))) continue;
    for (const name of node.inputs) needed.add(name);
    kept.push(node);
  }
  return kept.reverse();
}

/** Every value must be made exactly once, before it is used. */
function checkReferences(
  nodes: readonly DeclaredNode[],
  given: ReadonlySet<string>,
  output: string,
): void {
  const made = new Set(given);
  for (const node of nodes) {
    const missing = node.inputs.find((name) => name !== "" && !made.has(name));
    if (missing !== undefined) {
      throw new InvalidModelError(
        `Node "${node.name}" needs "${missing}", which nothing before it makes`,
      );
    }
    for (const name of node.outputs) {
      if (name !== "" && made.has(name)) {
        throw new InvalidModelError(`Node "${node.name}" makes "${name}", which is there already`);
      }
      made.add(name);
    }
  }
  if (!made.has(output)) throw new InvalidModelError(`Nothing makes the output "${output}"`);
}

function supportedNode(node: DeclaredNode): GraphNode {
  const { name, operator, inputs, outputs } = node;
  if (!isOperatorKind(operator)) {
    throw new UnsupportedOperatorError(
      operator,
      name,
      `is not supported. Supported are ${Object.keys(OPERATORS).sort().join(", ")}`,
    );
  }
  return { name, operator, inputs, outputs: trimmed(outputs), attributes: inFloat32(node) };
}

/** Exporters compute some constants in double; here all real numbers are float32. */
function inFloat32({ operator, attributes }: DeclaredNode): Attributes {
  const isDouble = attributes["to"]?.value === TensorProto_DataType.DOUBLE;
  if (operator !== "Cast" || !isDouble) return attributes;
  return { ...attributes, to: { kind: "int", value: TensorProto_DataType.FLOAT } };
}

/** Optional outputs at the end that nobody named. */
function trimmed(outputs: readonly string[]): readonly string[] {
  const last = outputs.findLastIndex((name) => name !== "");
  return outputs.slice(0, last + 1);
}

/** Before opset 18 the axes of most reductions were an attribute; now they are an input. */
function withAxesAsInput(node: GraphNode, constants: ConstantTable): GraphNode {
  const { axes, ...attributes } = node.attributes;
  if (!node.operator.startsWith("Reduce") || axes?.kind !== "ints") return node;
  const name = constants.addInts(`${node.name}.axes`, axes.value);
  return { ...node, inputs: [node.inputs[0] ?? "", name], attributes };
}

/** Identity, and Cast to the same type as exporters like to write, only rename values. */
function withoutCopies(nodes: readonly GraphNode[], output: string): readonly GraphNode[] {
  const original = new Map<string, string>();
  const kept: GraphNode[] = [];
  for (const node of nodes) {
    const inputs = node.inputs.map((name) => original.get(name) ?? name);
    const [copy] = node.outputs;
    if (node.operator === "Identity" && copy !== undefined && copy !== output) {
      original.set(copy, inputs[0] ?? "");
    } else {
      kept.push({ ...node, inputs });
    }
  }
  return kept;
}

/**
 * Exporting for a fixed batch writes its size into the shapes of Reshape; here the first size
 * becomes "whatever remains", or "as it was" where another size is already open.
 */
function withOpenBatch(node: GraphNode, batch: number, constants: ConstantTable): GraphNode {
  const [data = "", shapeName = ""] = node.inputs;
  const shape = constants.get(shapeName);
  if (node.operator !== "Reshape" || constants.has(data) || shape?.dtype !== "int64") return node;
  const sizes = Array.from(shape.data, Number);
  if (sizes[0] !== batch || sizes.length < 2) return node;
  const open = [sizes.includes(-1) ? 0 : -1, ...sizes.slice(1)];
  return { ...node, inputs: [data, constants.addInts(`${node.name}.shape`, open)] };
}

/** Replaces integer inputs that other nodes compute by what inference found them to be. */
function withConstantShapes(
  node: GraphNode,
  types: TypeTable,
  constants: ConstantTable,
): GraphNode {
  const inputs = node.inputs.map((name, i) => {
    const { dtype, shape, value } = types.get(name) ?? {};
    if (dtype !== "int64" || value === undefined || constants.has(name)) return name;
    const fixed = fixedShape(value);
    const known = fixedShape(shape ?? []) ?? [];
    if (fixed !== null) return constants.addInts(`${node.name}.input${i}`, fixed, known);
    const [output] = node.outputs;
    const isTarget = node.operator === "Reshape" && i === 1;
    const type = isTarget && output !== undefined ? types.get(output) : undefined;
    return type === undefined ? name : constants.addInts(`${node.name}.shape`, targetOf(type));
  });
  return { ...node, inputs };
}

/** Cast instead of CastLike, whose second input has no part in what it computes. */
function withPlainCast(node: GraphNode, types: TypeTable): GraphNode {
  const like = types.get(node.inputs[1] ?? "");
  if (node.operator !== "CastLike" || like === undefined) return node;
  const to = { kind: "int", value: elementTypeOf(like.dtype) } as const;
  return { ...node, operator: "Cast", inputs: node.inputs.slice(0, 1), attributes: { to } };
}

/** A Split that states its sizes: what it means without them differs between operator sets. */
function withSplitSizes(node: GraphNode, types: TypeTable, constants: ConstantTable): GraphNode {
  if (node.operator !== "Split") return node;
  const stays = ([name]: readonly [string, Attribute]): boolean => name !== "num_outputs";
  const attributes = Object.fromEntries(Object.entries(node.attributes).filter(stays));
  const [data = "", stated] = node.inputs;
  const parts = OPERATORS.Split.infer({ node, inputs: inputTypes(node, types) });
  const axis = normaliseAxis(node, intAttribute(node, "axis", 0), parts[0]?.shape.length ?? 0);
  const sizes = parts.map(({ shape }) => fixedSize(node, shape, axis));
  const name = stated ?? constants.addInts(`${node.name}.sizes`, sizes);
  return { ...node, inputs: [data, name], attributes };
}

/** What to tell Reshape to get this shape: at most one size can depend on the batch. */
function targetOf({ shape }: KnownType): readonly number[] {
  return shape.map((size) => (typeof size === "number" ? size : -1));
}
