/** Recurrent layers: what the rules of LSTM and GRU share. */
import { assert } from "@everfresh/core";
import { intAttribute, stringAttribute } from "../graph/attributes.ts";
import { formatShape, sameDimension } from "../graph/dimension.ts";
import type { Dimension, GraphNode, GraphShape } from "../graph/graph.ts";
import { fail, fixedSize, inputType, optionalInput, unsupported } from "./inference.ts";
import type { GradientCall, InferenceCall, KnownType } from "./operator.ts";

/** How many numbers of each kind a recurrent layer has. */
export interface RecurrentSizes {
  /** Length of the sequences. */
  readonly steps: number;
  /** 1, or 2 where the layer reads forwards and backwards. */
  readonly directions: 1 | 2;
  readonly batch: number;
  readonly inputs: number;
  readonly hidden: number;
}

/** Positions of the inputs that LSTM and GRU have in common. */
export const RECURRENT_INPUT = {
  sequence: 0,
  weight: 1,
  recurrence: 2,
  bias: 3,
  lengths: 4,
  initialHidden: 5,
} as const;

/** Lengths of sequences only configure. */
export const RECURRENT_SETTINGS: readonly number[] = [RECURRENT_INPUT.lengths];

/** Whether direction `index` of the node reads the sequence from its end. */
export function isReversed(node: GraphNode, index: number): boolean {
  return directionOf(node) === "reverse" || index === 1;
}

/** 1, or 2 for a bidirectional layer. */
function directionsOf(node: GraphNode): 1 | 2 {
  return directionOf(node) === "bidirectional" ? 2 : 1;
}

/** The sizes of a layer whose shapes are all known. */
export function sizesOf({ node, inputs }: Pick<GradientCall, "node" | "inputs">): RecurrentSizes {
  const [x, , recurrence] = inputs;
  assert(!!x && !!recurrence, "a recurrent layer has a sequence and weights");
  const [steps = 0, batch = 0, features = 0] = x.shape;
  const hidden = recurrence.shape[2] ?? 0;
  return { steps, directions: directionsOf(node), batch, inputs: features, hidden };
}

/**
 * The types of Y [steps, directions, batch, hidden] and of the last states [directions, batch,
 * hidden], of which there are `states`.
 * @param options `gates` is how many blocks of `hidden` rows the weights have; `activations` are
 * the only ones that the rule computes, for one direction
 */
export function inferRecurrent(
  call: InferenceCall,
  options: {
    readonly gates: number;
    readonly states: 1 | 2;
    readonly activations: readonly string[];
  },
): readonly KnownType[] {
  const { gates, states, activations } = options;
  const { node } = call;
  checkAttributes(node, activations);
  const { dtype, shape } = inputType(call, RECURRENT_INPUT.sequence);
  const [, batch] = shape;
  if (batch === undefined || shape.length !== 3) {
    fail(node, `needs sequences [steps, batch, numbers], not ${formatShape(shape)}`);
  }
  if (typeof shape[0] !== "number") {
    fail(
      node,
      `the length of the sequences in ${formatShape(shape)} must be a known number; the model's ` +
        "input must have the batch as its first dimension (batch_first=True in PyTorch)",
    );
  }
  const directions = directionsOf(node);
  const hidden = fixedSize(node, inputType(call, RECURRENT_INPUT.recurrence).shape, 2);
  const rows = gates * hidden;
  const features = fixedSize(node, shape, 2);
  const state = [directions, batch, hidden];
  checkShape(call, RECURRENT_INPUT.weight, [directions, rows, features]);
  checkShape(call, RECURRENT_INPUT.recurrence, [directions, rows, hidden]);
  checkShape(call, RECURRENT_INPUT.bias, [directions, 2 * rows]);
  checkLengths(call, shape[0]);
  for (let i = 0; i < states; i++) checkShape(call, RECURRENT_INPUT.initialHidden + i, state);
  if (intAttribute(node, "hidden_size", hidden) !== hidden) {
    fail(node, `hidden_size differs from the weights, which have ${hidden}`);
  }
  const last = Array.from({ length: states }, (): KnownType => ({ dtype, shape: state }));
  return [{ dtype, shape: [shape[0], ...state] }, ...last];
}

/** Clipping, other activations and the like: nothing that PyTorch exports has them. */
function checkAttributes(node: GraphNode, activations: readonly string[]): void {
  directionOf(node);
  if (intAttribute(node, "layout", 0) !== 0) {
    unsupported(node, "has layout 1 (batch first), which ONNX Runtime refuses too");
  }
  if (node.attributes["clip"] !== undefined) unsupported(node, "clips its gates");
  if (intAttribute(node, "input_forget", 0) !== 0) unsupported(node, "couples two gates");
  const usual = activations.map((name) => name.toLowerCase());
  const stated = node.attributes["activations"];
  if (stated?.kind === "strings") {
    const unusual = stated.value.find((name, i) => name.toLowerCase() !== usual[i % usual.length]);
    if (unusual !== undefined) unsupported(node, `has the activation "${unusual}"`);
  }
}

function directionOf(node: GraphNode): "forward" | "reverse" | "bidirectional" {
  const direction = stringAttribute(node, "direction", "forward");
  if (direction === "forward" || direction === "reverse" || direction === "bidirectional") {
    return direction;
  }
  return unsupported(node, `has the unknown direction "${direction}"`);
}

function checkShape(call: InferenceCall, index: number, wanted: GraphShape): void {
  const type = optionalInput(call, index);
  if (type === null) return;
  const fits = (size: Dimension, i: number): boolean => sameDimension(size, wanted[i] ?? -1);
  if (type.shape.length === wanted.length && type.shape.every(fits)) return;
  fail(
    call.node,
    `input ${index} has shape ${formatShape(type.shape)} where ${formatShape(wanted)} is needed`,
  );
}

/** Sequences that all have the full length are the only ones that can be unrolled. */
function checkLengths(call: InferenceCall, steps: number): void {
  const lengths = optionalInput(call, RECURRENT_INPUT.lengths);
  if (lengths === null) return;
  const { constant } = lengths;
  if (constant === undefined || Array.from(constant.data, Number).some((n) => n !== steps)) {
    unsupported(
      call.node,
      `has sequence lengths; only sequences that are all ${steps} long can be trained`,
    );
  }
}
