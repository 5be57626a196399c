/** PyTorch writes torch.split as a sequence of which parts are taken; here each part is a Slice. */
import type { DeclaredNode } from "../onnx/read.ts";
import type { ConstantTable } from "./constant-table.ts";

/** The nodes with the parts of SplitToSequence that SequenceAt takes as slices. */
export function withoutSequences(
  nodes: readonly DeclaredNode[],
  constants: ConstantTable,
): readonly DeclaredNode[] {
  const splits = new Map(
    nodes
      .filter(({ operator }) => operator === "SplitToSequence")
      .map((node) => [node.outputs[0] ?? "", node] as const),
  );
  return nodes.flatMap((node): readonly DeclaredNode[] => {
    const split = splits.get(node.inputs[0] ?? "");
    if (node.operator !== "SequenceAt" || split === undefined) return [node];
    return partOf(node, split, constants) ?? [node];
  });
}

/** The part as a Slice; null where its bounds are not known. */
function partOf(
  { name, inputs, outputs }: DeclaredNode,
  split: DeclaredNode,
  constants: ConstantTable,
): readonly DeclaredNode[] | null {
  const [at] = constants.get(inputs[1] ?? "")?.data ?? [];
  const sizes = constants.get(split.inputs[1] ?? "");
  const keeps = split.attributes["keepdims"];
  const isUnsqueezed = split.inputs.length < 2 && keeps?.kind === "int" && keeps.value === 0;
  const index = Number(at ?? -1);
  if (index < 0 || isUnsqueezed || (split.inputs.length > 1 && sizes === undefined)) return null;
  const sizeOf = (i: number): number =>
    Number(sizes?.shape.length === 1 ? (sizes.data[i] ?? 0) : (sizes?.data[0] ?? 1));
  const start = Array.from({ length: index }, (_, i) => sizeOf(i)).reduce((a, b) => a + b, 0);
  const axis = split.attributes["axis"];
  const bounds = [start, start + sizeOf(index), axis?.kind === "int" ? axis.value : 0];
  const operands = bounds.map((bound) => constants.addInts(`${name}.bound`, [bound]));
  const slice = [split.inputs[0] ?? "", ...operands];
  return [{ name, operator: "Slice", inputs: slice, outputs, attributes: {} }];
}
