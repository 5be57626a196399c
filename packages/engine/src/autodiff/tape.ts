import { assert } from "@everfresh/core";
import type { GraphBuilder, Value } from "../graph/builder.ts";
import { fixedShape } from "../graph/dimension.ts";
import { zeros } from "../graph/elementwise-expressions.ts";
import { add } from "../graph/expressions.ts";
import type { Graph, GraphNode } from "../graph/graph.ts";
import { type KnownType, nonDifferentiable } from "../ops/operator.ts";
import { isOperatorKind } from "../ops/operators.ts";
import { ruleOf } from "../ops/rule-of.ts";
import { inputTypes, type TypeTable } from "../ops/type-inference.ts";

/** One forward node as it was emitted: what its gradient is computed from. */
interface TapeEntry {
  readonly node: GraphNode;
  readonly inputs: readonly (Value | null)[];
  readonly inputTypes: readonly (KnownType | null)[];
  readonly outputs: readonly Value[];
}

/** The forward computation inside a graph under construction, ready to be differentiated. */
export interface Tape {
  readonly entries: readonly TapeEntry[];
  readonly values: ReadonlyMap<string, Value>;
}

/** An optional output that nobody named. */
const ABSENT: Value = { name: "", dtype: "float32", shape: [] };

/** Emits the forward computation of `graph`, whose `types` are known for a fixed batch size. */
export function emitForward(builder: GraphBuilder, graph: Graph, types: TypeTable): Tape {
  const values = new Map<string, Value>();
  const fixed = (name: string): Value => {
    const type = types.get(name);
    const shape = type === undefined ? null : fixedShape(type.shape);
    assert(type !== undefined && shape !== null, `the type of "${name}" is known`);
    return { name, dtype: type.dtype, shape };
  };
  for (const { name } of [...graph.inputs, ...graph.state]) values.set(name, fixed(name));
  for (const [name, constant] of graph.constants) values.set(name, builder.adopt(name, constant));
  const entries = graph.nodes.map((node): TapeEntry => {
    const inputs = node.inputs.map((name) => (name === "" ? null : valueAt(values, name)));
    const outputTypes = node.outputs.map((name) => (name === "" ? ABSENT : fixed(name)));
    const { operator, attributes } = node;
    const { forward } = ruleOf(operator);
    let outputs: readonly Value[];
    if (forward === undefined) {
      assert(isOperatorKind(operator), `${operator} says how it is emitted`);
      const named = outputTypes.map((type) => ({ ...type, as: type.name }));
      outputs = builder.emitAll(operator, inputs, named, attributes);
    } else {
      outputs = forward({ builder, node, inputs, types: outputTypes });
    }
    for (const output of outputs) values.set(output.name, output);
    return { node, inputs, inputTypes: inputTypes(node, types), outputs };
  });
  return { entries, values };
}

/**
 * Reverse-mode differentiation: walks the tape backwards from `seed` (∂loss/∂`output`) and returns
 * ∂loss/∂value for each of `wanted`. Nothing is computed that those do not need; values that the
 * loss does not depend on are absent from the result.
 */
export function differentiate(
  builder: GraphBuilder,
  tape: Tape,
  {
    output,
    seed,
    wanted,
  }: {
    readonly output: string;
    readonly seed: Value;
    readonly wanted: readonly string[];
  },
): ReadonlyMap<string, Value> {
  const dependent = dependentValues(tape, wanted);
  const gradients = new Map([[output, seed]]);
  for (const entry of tape.entries.toReversed()) {
    const { node, inputs, outputs } = entry;
    const rule = ruleOf(node.operator).gradient;
    const outputGradients = outputs.map(({ name }) => gradients.get(name) ?? null);
    const [first] = outputs;
    if (rule === nonDifferentiable || first === undefined) continue;
    if (outputGradients.every((gradient) => gradient === null)) continue;
    const needed = inputs.map((input) => input !== null && dependent.has(input.name));
    if (!needed.includes(true)) continue;
    // Where only other outputs count, these zeros are left out again unless the rule uses them.
    const outputGradient = outputGradients[0] ?? zeros(builder, first.shape);
    const call = { ...entry, builder, outputGradient, outputGradients, wanted: needed };
    const parts = rule(call);
    inputs.forEach((input, i) => {
      const part = parts[i];
      if (input === null || needed[i] !== true) return;
      assert(!!part, `${node.operator} has a gradient for input ${i}`);
      const sofar = gradients.get(input.name);
      gradients.set(input.name, sofar === undefined ? part : add(builder, sofar, part));
    });
  }
  return gradients;
}

/** The wanted values, and everything that is computed from them differentiably. */
function dependentValues(tape: Tape, wanted: readonly string[]): ReadonlySet<string> {
  const dependent = new Set(wanted);
  for (const { node, inputs, outputs } of tape.entries) {
    if (ruleOf(node.operator).gradient === nonDifferentiable) continue;
    const depends = inputs.some((input) => input !== null && dependent.has(input.name));
    if (depends) for (const { name } of outputs) dependent.add(name);
  }
  return dependent;
}

function valueAt(values: ReadonlyMap<string, Value>, name: string): Value {
  const value = values.get(name);
  assert(value !== undefined, `"${name}" is there before it is used`);
  return value;
}
