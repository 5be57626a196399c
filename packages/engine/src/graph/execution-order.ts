import type { EmittedNode } from "./emission.ts";

/**
 * The nodes in the order for a file that makes ONNX Runtime compute them as one would by hand: each
 * value shortly before it is read, so that little is alive at a time and caches still hold it.
 *
 * ONNX Runtime does not follow the order of the file. It searches backwards from the nodes that nobody
 * reads, of these and of every node's inputs the one that stands last in the file first, and computes a
 * node when all that it reads is there. A weight gradient that stands in the middle is thereby computed
 * after everything else, and what it reads stays alive until then; the derivative of an activation,
 * which only needs the forward pass, is computed during that.
 *
 * So nodes stand by depth (the longest way from an input): of what a node reads, the main chain is
 * deepest, stands last, and is computed first; side branches follow when they are needed. What nobody
 * reads stands at the end, the least deep last, and is computed as soon as it can be.
 */
export function executionOrder(nodes: readonly EmittedNode[]): EmittedNode[] {
  const depths = new Map<string, number>();
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  const placed = nodes.map((node) => {
    const depth = 1 + Math.max(0, ...node.inputs.map((name) => depths.get(name) ?? 0));
    for (const name of node.outputs) depths.set(name, depth);
    return { node, depth, isLeaf: !node.outputs.some((name) => read.has(name)) };
  });
  const inner = placed.filter(({ isLeaf }) => !isLeaf).sort((a, b) => a.depth - b.depth);
  const leaves = placed.filter(({ isLeaf }) => isLeaf).sort((a, b) => b.depth - a.depth);
  return [...inner, ...leaves].map(({ node }) => node);
}
