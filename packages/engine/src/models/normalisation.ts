/**
 * Brings what exporters write into the one form that the rest of the engine knows: no copies, no
 * arithmetic on shapes, no fixed batch size, no nodes that the output does not need, no Split.
 */
import { type Shape, type Tensor, tensor } from "@everfresh/core";
import { InvalidModelError, UnsupportedOperatorError } from "../errors.ts";
import { intAttribute } from "../graph/attributes.ts";
import { fixedShape } from "../graph/dimension.ts";
import type { GraphNode, ValueInfo } from "../graph/graph.ts";
import type { DeclaredNode, OnnxFile } from "../onnx/read.ts";
import type { KnownType } from "../ops/operator.ts";
import { fixedSize, normaliseAxis } from "../ops/inference.ts";
import { isOperatorKind, OPERATORS } from "../ops/operators.ts";
import { inferTypes, inputTypes, type TypeTable } from "../ops/type-inference.ts";

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
  const supported = needed.map((node) => withAxesAsInput(supportedNode(node), constants));
  const direct = withoutCopies(supported, outputName);
  const open =
    fixedBatch === null ? direct : direct.map((node) => withOpenBatch(node, fixedBatch, constants));
  const types = inferTypes({ inputs: [input], state: [], constants, nodes: open });
  const folded = open.map((node) => withConstantShapes(node, types, constants));
  const sliced = folded.flatMap((node) => withoutSplit(node, types, constants));
  return { nodes: withoutUnused(sliced, outputName), constants };
}

/** The nodes that `output` depends on, in the same order. */
function withoutUnused<N extends Pick<DeclaredNode, "inputs" | "outputs">>(
  nodes: readonly N[],
  output: string,
): readonly N[] {
  const needed = new Set([output]);
  const kept: N[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
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
  const { name, operator, inputs, outputs, attributes } = node;
  if (!isOperatorKind(operator)) {
    throw new UnsupportedOperatorError(
      operator,
      name,
      `is not supported. Supported are ${Object.keys(OPERATORS).sort().join(", ")}`,
    );
  }
  return { name, operator, inputs, outputs: trimmed(outputs), attributes };
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
    const type =
      node.operator === "Reshape" && output !== undefined ? types.get(output) : undefined;
    return type === undefined ? name : constants.addInts(`${node.name}.shape`, targetOf(type));
  });
  return { ...node, inputs };
}

/** A Slice for every part that Split makes: gradients flow back through single outputs only. */
function withoutSplit(
  node: GraphNode,
  types: TypeTable,
  constants: ConstantTable,
): readonly GraphNode[] {
  if (node.operator !== "Split") return [node];
  const [data = ""] = node.inputs;
  const parts = OPERATORS.Split.infer({ node, inputs: inputTypes(node, types) });
  const axis = normaliseAxis(node, intAttribute(node, "axis", 0), parts[0]?.shape.length ?? 0);
  let start = 0;
  return node.outputs.map((output, i): GraphNode => {
    const range = [start, (start += fixedSize(node, parts[i]?.shape ?? [], axis)), axis];
    const inputs = range.map((bound) => constants.addInts(`${node.name}.bound`, [bound]));
    const name = `${node.name}.${i}`;
    return {
      name,
      operator: "Slice",
      inputs: [data, ...inputs],
      outputs: [output],
      attributes: {},
    };
  });
}

/** What to tell Reshape to get this shape: at most one size can depend on the batch. */
function targetOf({ shape }: KnownType): readonly number[] {
  return shape.map((size) => (typeof size === "number" ? size : -1));
}

/** The constants of a file, to which normalisation adds its own. */
class ConstantTable extends Map<string, Tensor> {
  readonly #values: ReadonlySet<string>;

  /** @param values names of all other values, which a new constant must not have */
  constructor(constants: Iterable<readonly [string, Tensor]>, values: Iterable<string>) {
    super(constants);
    this.#values = new Set(values);
  }

  /** Adds int64 numbers, by default a vector, under `wanted` or a similar name, and returns that. */
  addInts(wanted: string, values: readonly number[], shape: Shape = [values.length]): string {
    let name = wanted;
    for (let i = 1; this.has(name) || this.#values.has(name); i++) name = `${wanted}_${i}`;
    this.set(name, tensor("int64", shape, BigInt64Array.from(values, BigInt)));
    return name;
  }
}
