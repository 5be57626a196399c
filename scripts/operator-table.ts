/**
 * Prints docs/operators.md, the table of operators that a model may use, from the operators' rules:
 *
 *   node --conditions=source scripts/operator-table.ts > docs/operators.md
 */
import { DECOMPOSED_OPERATORS } from "../packages/engine/src/models/decompositions.ts";
import { zeroGradient } from "../packages/engine/src/ops/elementwise-rule.ts";
import { nonDifferentiable, type OperatorRule } from "../packages/engine/src/ops/operator.ts";
import { OPERATORS } from "../packages/engine/src/ops/operators.ts";

const TITLE = `# Operators

What an ONNX model may consist of to be trained, run and served by Everfresh: operators of the
standard domain, opset 13 and later, on float32 values. Every gradient is checked against finite
differences of ONNX Runtime's own operator.

- **yes**: gradients flow through it, to every float input.
- **zero**: it is a step function; its gradient is 0, as in PyTorch.
- **none**: nothing flows back through it.

An operator that is not here, or a form of one that its note excludes, is refused when the model is
read, with \`EF_OPERATOR_UNSUPPORTED\` naming the operator and the node. Convolution and pooling work
on images and on series (1-D). Reading a model makes others of these, all with gradients:
${DECOMPOSED_OPERATORS.join(", ")}, and SplitToSequence with SequenceAt.
`;

function gradientOf({ gradient }: OperatorRule): string {
  if (gradient === nonDifferentiable) return "none";
  return gradient === zeroGradient ? "zero" : "yes";
}

/** Rows with all columns padded to equal width, as Prettier formats them. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`;
  const [head = [], ...body] = rows;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
}

const rows = Object.entries(OPERATORS)
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, rule]) => [name, gradientOf(rule), rule.note ?? ""]);
console.log(`${TITLE}\n${table([["Operator", "Gradient", "Notes"], ...rows])}`);
