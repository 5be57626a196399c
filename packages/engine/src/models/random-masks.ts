/**
 * Random masks that exporters write out: of Dropout, and of stochastic depth, which leaves out whole
 * blocks of a network for some samples.
 */
import type { DeclaredNode } from "../onnx/read.ts";
import type { ConstantTable } from "./constant-table.ts";

/** Casts and copies: the same number under another name. */
const COPIES: ReadonlySet<string> = new Set(["Cast", "CastLike", "Identity"]);

/** How far apart two spellings of the same probability may be. */
const PROBABILITY_TOLERANCE = 1e-6;

/**
 * Replaces [u < p] / p, with u uniform in [0, 1), by Dropout of ones: 1 in inference, and in
 * training a mask that is drawn like that of every other Dropout. Other random numbers stay as they
 * are.
 */
export function withRandomMasks(
  nodes: readonly DeclaredNode[],
  constants: ConstantTable,
): readonly DeclaredNode[] {
  const producers = new Map(
    nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)),
  );
  const numberOf = (name: string): number | null => {
    const constant = constants.get(name);
    if (constant !== undefined) return constant.data.length === 1 ? Number(constant.data[0]) : null;
    const producer = producers.get(name);
    return producer !== undefined && COPIES.has(producer.operator)
      ? numberOf(producer.inputs[0] ?? "")
      : null;
  };
  const throughCopies = (name: string): DeclaredNode | undefined => {
    const producer = producers.get(name);
    return producer !== undefined && COPIES.has(producer.operator)
      ? throughCopies(producer.inputs[0] ?? "")
      : producer;
  };
  return nodes.flatMap((node): readonly DeclaredNode[] => {
    const [scaled = "", divisor = ""] = node.inputs;
    if (node.operator !== "Div") return [node];
    const less = throughCopies(scaled);
    const random = less?.operator === "Less" ? producers.get(less.inputs[0] ?? "") : undefined;
    if (random?.operator !== "RandomUniformLike") return [node];
    const kept = numberOf(less?.inputs[1] ?? "");
    const scale = numberOf(divisor);
    if (kept === null || scale === null || Math.abs(kept - scale) > PROBABILITY_TOLERANCE) {
      return [node];
    }
    return maskOf(node, random, { dropped: 1 - kept, constants });
  });
}

/** Ones in the shape that the random numbers have, some of which training drops. */
function maskOf(
  { name, outputs }: DeclaredNode,
  random: DeclaredNode,
  { dropped, constants }: { readonly dropped: number; readonly constants: ConstantTable },
): readonly DeclaredNode[] {
  const zeros = constants.nameFor(`${name}.zeros`);
  const ones = constants.nameFor(`${name}.ones`);
  const numbers = [0, 1, dropped].map((number) => constants.addFloat(`${name}.number`, number));
  const [zero = "", one = "", ratio = ""] = numbers;
  const node = (operator: string, inputs: readonly string[], output: string): DeclaredNode => {
    return { name: output, operator, inputs, outputs: [output], attributes: {} };
  };
  return [
    node("Mul", [random.inputs[0] ?? "", zero], zeros),
    node("Add", [zeros, one], ones),
    { ...node("Dropout", [ones, ratio], ""), name, outputs },
  ];
}
