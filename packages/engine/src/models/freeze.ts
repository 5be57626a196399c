import { type Tensor, tensor } from "@everfresh/core";
import { UnmatchedPatternError } from "../errors.ts";
import type { GraphNode } from "../graph/graph.ts";
import { RUNNING_STATISTICS } from "../ops/batch-normalisation.ts";
import type { Model } from "./model.ts";
import { nearestNames } from "./nearest-names.ts";
import { entriesOf, type StateEntry, stateInputs, stateOfEntries } from "./state-tensors.ts";

/**
 * The model with all parameters that a pattern matches as constants: they are not trained, and not
 * part of the state that is sent to replicas. A pattern is the whole name of a parameter, in which
 * `*` stands for any characters, dots and none included: `features.*` is everything below
 * `features`, `*.bias` every bias, `*` all.
 *
 * A BatchNormalization whose scale and bias are both frozen keeps its running statistics too, and
 * normalises by them in training as well; patterns match no running statistics by themselves.
 *
 * @throws UnmatchedPatternError when a pattern matches no parameter
 *
 * @example
 * ```ts
 * const backbone = freeze(importModel(bytes), ["features.*"]);
 * const model = replaceHead(backbone, { outputs: 5, seed: 1 });
 * ```
 */
export function freeze(model: Model, patterns: readonly string[]): Model {
  const { graph } = model;
  const entries = entriesOf(model.state);
  const parameters = entries.filter(({ role }) => role === "parameter").map(({ name }) => name);
  const frozen = new Set<string>();
  for (const pattern of patterns) {
    const expression = expressionOf(pattern);
    const matched = parameters.filter((name) => expression.test(name));
    if (matched.length === 0) {
      throw new UnmatchedPatternError(pattern, nearestNames(pattern, parameters));
    }
    for (const name of matched) frozen.add(name);
  }
  const isConstant = (name = ""): boolean => frozen.has(name) || graph.constants.has(name);
  for (const name of statisticsToFreeze(graph.nodes, isConstant)) frozen.add(name);
  const kept = entries.filter(({ name }) => !frozen.has(name));
  const constants = new Map(graph.constants);
  for (const entry of entries) if (frozen.has(entry.name)) constants.set(...constantOf(entry));
  const state = stateOfEntries(kept);
  return {
    ...model,
    graph: {
      ...graph,
      state: stateInputs(state.layout),
      constants,
    },
    state,
  };
}

/** `*` stands for any characters; everything else for itself. */
function expressionOf(pattern: string): RegExp {
  const literals = pattern.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${literals.join(".*")}$`, "s");
}

/** Running statistics that only normalisations use whose scale and bias are constants. */
function statisticsToFreeze(
  nodes: readonly GraphNode[],
  isConstant: (name?: string) => boolean,
): readonly string[] {
  const normalisations = nodes.filter(({ operator }) => operator === "BatchNormalization");
  const statisticsOf = ({ inputs }: GraphNode): readonly string[] =>
    RUNNING_STATISTICS.map((at) => inputs[at] ?? "");
  const isFrozen = ({ inputs: [, scale, bias] }: GraphNode): boolean =>
    isConstant(scale) && isConstant(bias);
  const moving = new Set(normalisations.filter((node) => !isFrozen(node)).flatMap(statisticsOf));
  return normalisations
    .filter(isFrozen)
    .flatMap(statisticsOf)
    .filter((name) => !moving.has(name));
}

/** A copy: the state that it comes from may change. */
function constantOf({ name, tensor: { dtype, shape, data } }: StateEntry): [string, Tensor] {
  return [name, tensor(dtype, shape, data.slice())];
}
