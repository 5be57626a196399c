import { BLOCKED_DOMAIN } from "./blocked-layout.ts";
import type { EmittedNode } from "./emission.ts";

/**
 * Lets a blocked convolution add what an Add after it would, where nothing else reads its result: one
 * pass over memory less.
 * @param outputs names that the graph gives out
 * @param sizes the sizes of emitted values by name, as text
 */
export function fuseSums(
  nodes: readonly EmittedNode[],
  outputs: ReadonlySet<string>,
  sizes: ReadonlyMap<string, string>,
): EmittedNode[] {
  const uses = new Map<string, number>();
  for (const name of nodes.flatMap(({ inputs }) => inputs)) {
    uses.set(name, (uses.get(name) ?? 0) + 1);
  }
  const kept = new Map<string, EmittedNode>();
  const convolutions = new Map<string, EmittedNode>();
  for (const node of nodes) {
    const [result = ""] = node.outputs;
    const [first = "", second = ""] = node.operator === "Add" ? node.inputs : [];
    const addend = convolutions.has(second) ? second : first;
    const sum = addend === second ? first : second;
    const convolution = convolutions.get(addend);
    if (convolution === undefined || sizes.get(addend) !== sizes.get(sum)) {
      kept.set(result, node);
    } else {
      const [x = "", w = "", bias = ""] = convolution.inputs;
      kept.delete(addend);
      kept.set(result, { ...convolution, inputs: [x, w, bias, sum], outputs: node.outputs });
    }
    const once = uses.get(result) === 1 && !outputs.has(result);
    const plain = node.attributes["activation"] === undefined && node.inputs.length <= 3;
    if (node.domain === BLOCKED_DOMAIN && node.operator === "Conv" && once && plain) {
      convolutions.set(result, node);
    }
  }
  return [...kept.values()];
}
