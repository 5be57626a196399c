/** Kernels of SGD and Adam: the operations of `optimizers/` in the same order, in float64. */
import { SMALLEST_NORMAL } from "../optimizers/optimizer.ts";
import { type Code, Frame, type KernelFunction } from "@everfresh/core/wasm";
import {
  absolute,
  add,
  andNot,
  constants,
  divide,
  everyPair,
  greaterSingles,
  inBothLanes,
  less,
  loadPair,
  multiply,
  narrow,
  select,
  squareRoot,
  storePair,
  subtract,
  widen,
} from "./instructions.ts";

/** Which terms a step of SGD has. */
export interface SgdTerms {
  readonly decay: boolean;
  readonly momentum: boolean;
  /** Only with momentum. */
  readonly nesterov: boolean;
}

/** Which terms a step of Adam has. */
export interface AdamTerms {
  /** Weight decay that is added to the gradient. */
  readonly decay: boolean;
  readonly amsgrad: boolean;
}

/** The name of the kernel of SGD with these terms. */
export function sgdName({ decay, momentum, nesterov }: SgdTerms): string {
  return `sgd${decay ? "-decay" : ""}${momentum ? "-momentum" : ""}${nesterov ? "-nesterov" : ""}`;
}

/** The name of the kernel of Adam with these terms. */
export function adamName({ decay, amsgrad }: AdamTerms): string {
  return `adam${decay ? "-decay" : ""}${amsgrad ? "-amsgrad" : ""}`;
}

/**
 * sgd(gradients, parameters, velocity, bytes, learningRate, momentum, weightDecay). Without momentum
 * the velocity is neither read nor written.
 */
export function sgdKernel(terms: SgdTerms): KernelFunction {
  const frame = new Frame();
  const { gradients, parameters, velocity, bytes, ...numbers } = frame.takes({
    gradients: "i32",
    parameters: "i32",
    velocity: "i32",
    bytes: "i32",
    learningRate: "f64",
    momentum: "f64",
    weightDecay: "f64",
  });
  const { lanes, prepare } = inBothLanes(frame, numbers);
  const { p, d, v } = frame.has({ p: "v128", d: "v128", v: "v128" });
  const loop = everyPair(frame, bytes, (at, pair) => {
    const g = widen(loadPair(at(gradients), pair));
    const before = widen(loadPair(at(velocity), pair));
    const ahead = add(d.get, multiply(lanes.momentum, v.get));
    const step = terms.nesterov ? ahead : terms.momentum ? v.get : d.get;
    const moved = subtract(p.get, multiply(lanes.learningRate, step));
    return [
      ...p.set(widen(loadPair(at(parameters), pair))),
      ...d.set(terms.decay ? add(g, multiply(lanes.weightDecay, p.get)) : g),
      ...(terms.momentum ? v.set(add(multiply(lanes.momentum, before), d.get)) : []),
      ...(terms.momentum
        ? storePair(at(velocity), pair, narrow(zeroIfSmall(v.get, absolute(v.get))))
        : []),
      ...storePair(at(parameters), pair, narrow(moved)),
    ];
  });
  return frame.function(sgdName(terms), [...prepare, ...loop]);
}

/**
 * adam(gradients, parameters, first, second, secondMax, bytes, weightDecay, fresh1, beta2, fresh2,
 * stepSize, correction, epsilon, kept), where fresh is 1 − β. Without amsgrad the largest second moment
 * is neither read nor written.
 */
export function adamKernel(terms: AdamTerms): KernelFunction {
  const frame = new Frame();
  const { gradients, parameters, first, second, secondMax, bytes, ...numbers } = frame.takes({
    gradients: "i32",
    parameters: "i32",
    first: "i32",
    second: "i32",
    secondMax: "i32",
    bytes: "i32",
    weightDecay: "f64",
    fresh1: "f64",
    beta2: "f64",
    fresh2: "f64",
    stepSize: "f64",
    correction: "f64",
    epsilon: "f64",
    kept: "f64",
  });
  const { lanes, prepare } = inBothLanes(frame, numbers);
  const { p, g, m, v, w } = frame.has({ p: "v128", g: "v128", m: "v128", v: "v128", w: "v128" });
  const loop = everyPair(frame, bytes, (at, pair) => {
    const gradient = widen(loadPair(at(gradients), pair));
    const decayed = add(gradient, multiply(lanes.weightDecay, p.get));
    const oldSecond = multiply(lanes.beta2, widen(loadPair(at(second), pair)));
    const square = multiply(multiply(lanes.fresh2, g.get), g.get);
    const largest = loadPair(at(secondMax), pair);
    const root = divide(squareRoot(widen(v.get)), lanes.correction);
    const way = divide(multiply(lanes.stepSize, widen(m.get)), add(root, lanes.epsilon));
    return [
      ...p.set(widen(loadPair(at(parameters), pair))),
      ...g.set(terms.decay ? decayed : gradient),
      // m and v in float64, then as they are stored: the rest goes on from that.
      ...m.set(widen(loadPair(at(first), pair))),
      ...m.set(add(m.get, multiply(lanes.fresh1, subtract(g.get, m.get)))),
      ...m.set(narrow(zeroIfSmall(m.get, absolute(m.get)))),
      ...storePair(at(first), pair, m.get),
      ...v.set(add(oldSecond, square)),
      ...v.set(narrow(zeroIfSmall(v.get, v.get))),
      ...storePair(at(second), pair, v.get),
      ...(terms.amsgrad
        ? [
            ...w.set(largest),
            ...v.set(select(v.get, w.get, greaterSingles(v.get, w.get))),
            ...storePair(at(secondMax), pair, v.get),
          ]
        : []),
      ...storePair(at(parameters), pair, narrow(subtract(multiply(lanes.kept, p.get), way))),
    ];
  });
  return frame.function(adamName(terms), [...prepare, ...loop]);
}

/** `value`, or 0 where `magnitude` is below the smallest normal float32. */
function zeroIfSmall(value: Code, magnitude: Code): Code {
  return andNot(value, less(magnitude, constants(SMALLEST_NORMAL)));
}
