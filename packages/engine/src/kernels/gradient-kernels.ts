/**
 * Kernels for what `sessions/gradients.ts` and `optimizers/natural-gradient.ts` compute: the same
 * operations in the same order.
 */
import { type Code, Frame, type KernelFunction, type Variable } from "@everfresh/core/wasm";
import {
  add,
  addWords,
  and,
  andNot,
  divide,
  equalWords,
  every16Bytes,
  everyPair,
  inBothLanes,
  loadPair,
  loadSource,
  loadWords,
  multiply,
  narrow,
  or,
  signs,
  storePair,
  storeWords,
  sumOfLanes,
  widen,
  words,
} from "./instructions.ts";

const SIGN = 0x8000_0000;
const EXPONENT = 0x7f80_0000;
const EXPONENT_OF_LARGE = 0x5780_0000; // 2⁴⁸

/**
 * flush(values, bytes): sets denormal numbers to 0 in place; returns whether any number is 2⁴⁸ or
 * more, infinite or no number, as other than 0.
 */
export function flushKernel(): KernelFunction {
  const frame = new Frame();
  const { values, bytes } = frame.takes({ values: "i32", bytes: "i32" });
  const code = flushed(frame, bytes, (at) => loadWords(at(values)), values);
  return frame.function("flush", code, "i32");
}

/** publish(source, values, bytes): flush() of numbers in the second memory, which stay as they are. */
export function publishKernel(): KernelFunction {
  const frame = new Frame();
  const { source, values, bytes } = frame.takes({ source: "i32", values: "i32", bytes: "i32" });
  const code = flushed(frame, bytes, (at) => loadSource(at(source)), values);
  return frame.function("publish", code, "i32");
}

function flushed(
  frame: Frame,
  bytes: Variable,
  load: (at: (array: Variable) => Code) => Code,
  values: Variable,
): Code {
  const { bits, exponent, carry } = frame.has({ bits: "v128", exponent: "v128", carry: "v128" });
  const loop = every16Bytes(frame, bytes, (at) => [
    ...bits.set(load(at)),
    ...exponent.set(and(bits.get, words(EXPONENT))),
    // Only an exponent of 2⁴⁸ or more carries into the sign bit.
    ...carry.set(or(carry.get, addWords(exponent.get, words(SIGN - EXPONENT_OF_LARGE)))),
    ...storeWords(at(values), andNot(bits.get, equalWords(exponent.get, words(0)))),
  ]);
  return [...loop, ...signs(carry.get)];
}

/** scale(values, result, bytes, factor): result ← values · factor */
export function scaleKernel(): KernelFunction {
  const frame = new Frame();
  const { values, result, bytes, factor } = frame.takes({
    values: "i32",
    result: "i32",
    bytes: "i32",
    factor: "f64",
  });
  const { lanes, prepare } = inBothLanes(frame, { factor });
  const loop = everyPair(frame, bytes, (at, pair) => {
    const value = widen(loadPair(at(values), pair));
    return storePair(at(result), pair, narrow(multiply(value, lanes.factor)));
  });
  return frame.function("scale", [...prepare, ...loop]);
}

/** addScaled(a, b, result, bytes, factor): result ← (a + b) · factor */
export function addScaledKernel(): KernelFunction {
  const frame = new Frame();
  const { a, b, result, bytes, factor } = frame.takes({
    a: "i32",
    b: "i32",
    result: "i32",
    bytes: "i32",
    factor: "f64",
  });
  const { lanes, prepare } = inBothLanes(frame, { factor });
  const loop = everyPair(frame, bytes, (at, pair) => {
    const sum = add(widen(loadPair(at(a), pair)), widen(loadPair(at(b), pair)));
    return storePair(at(result), pair, narrow(multiply(sum, lanes.factor)));
  });
  return frame.function("addScaled", [...prepare, ...loop]);
}

/** natural(gradients, second, bytes, scale, damping): Σ g² / (scale · v + damping) */
export function naturalKernel(): KernelFunction {
  const frame = new Frame();
  const { gradients, second, bytes, scale, damping } = frame.takes({
    gradients: "i32",
    second: "i32",
    bytes: "i32",
    scale: "f64",
    damping: "f64",
  });
  const { lanes, prepare } = inBothLanes(frame, { scale, damping });
  const { g, sum } = frame.has({ g: "v128", sum: "v128" });
  const loop = everyPair(frame, bytes, (at, pair) => {
    const usual = multiply(lanes.scale, widen(loadPair(at(second), pair)));
    return [
      ...g.set(widen(loadPair(at(gradients), pair))),
      ...sum.set(add(sum.get, divide(multiply(g.get, g.get), add(usual, lanes.damping)))),
    ];
  });
  return frame.function("natural", [...prepare, ...loop, ...sumOfLanes(sum.get)], "f64");
}
