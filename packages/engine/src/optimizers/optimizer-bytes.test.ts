import { crc32 } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CheckpointMismatchError, CorruptCheckpointError } from "../errors.ts";
import { adagrad } from "./adagrad.ts";
import { adam, adamW } from "./adam.ts";
import { decodeOptimizerState, encodeOptimizerState } from "./optimizer-bytes.ts";
import { optimizerOf, type OptimizerSpec } from "./optimizer-of.ts";
import { rmsprop } from "./rmsprop.ts";
import { sgd } from "./sgd.ts";

const COUNT = 5;
const specs: readonly OptimizerSpec[] = [
  sgd({ learningRate: 0.1 }),
  sgd({ learningRate: 0.1, momentum: 0.9 }),
  adam(),
  adam({ amsgrad: true }),
  adamW({ learningRate: { kind: "step", learningRate: 0.1, every: 2 } }),
  rmsprop({ centered: true, momentum: 0.9 }),
  adagrad(),
];

function usedState(spec: OptimizerSpec): ReturnType<ReturnType<typeof optimizerOf>["init"]> {
  const optimizer = optimizerOf(spec);
  const state = optimizer.init(COUNT);
  const parameters = new Float32Array(COUNT);
  for (let step = 1; step <= 3; step++) {
    optimizer.update(state, Float32Array.of(1, -2, 1e-30, 3e8, NaN), parameters);
  }
  return state;
}

describe("optimizer state as bytes", () => {
  it.each(specs)("comes back exactly ($kind)", (spec) => {
    const optimizer = optimizerOf(spec);
    const state = usedState(spec);
    const restored = optimizer.init(COUNT);
    decodeOptimizerState(encodeOptimizerState(optimizer, state, COUNT), optimizer, restored, COUNT);
    expect(restored).toEqual(state);
  });

  it("is read at any offset of its memory", () => {
    const optimizer = optimizerOf(adam());
    const bytes = encodeOptimizerState(optimizer, usedState(adam()), COUNT);
    const shifted = new Uint8Array(bytes.length + 1).subarray(1);
    shifted.set(bytes);
    const restored = optimizer.init(COUNT);
    decodeOptimizerState(shifted, optimizer, restored, COUNT);
    expect(restored.step).toBe(3);
  });

  it("never accepts damaged bytes, and changes nothing when it refuses", () => {
    const optimizer = optimizerOf(adam());
    const bytes = encodeOptimizerState(optimizer, usedState(adam()), COUNT);
    const position = fc.integer({ min: 0, max: bytes.length - 1 });
    fc.assert(
      fc.property(position, fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, flip, cut) => {
        const damaged = cut ? bytes.slice(0, at) : bytes.slice();
        if (!cut) damaged[at]! ^= flip;
        const state = optimizer.init(COUNT);
        expect(() => decodeOptimizerState(damaged, optimizer, state, COUNT)).toThrow(
          CorruptCheckpointError,
        );
        expect(state).toEqual(optimizer.init(COUNT));
      }),
    );
  });

  it("refuses the state of another optimizer or another model", () => {
    const bytes = encodeOptimizerState(optimizerOf(adam()), usedState(adam()), COUNT);
    for (const other of [
      sgd({ learningRate: 1, momentum: 0.5 }),
      adam({ amsgrad: true }),
      adamW(),
    ]) {
      const optimizer = optimizerOf(other);
      expect(() => decodeOptimizerState(bytes, optimizer, optimizer.init(COUNT), COUNT)).toThrow(
        CheckpointMismatchError,
      );
    }
    const optimizer = optimizerOf(adam());
    expect(() =>
      decodeOptimizerState(bytes, optimizer, optimizer.init(COUNT + 1), COUNT + 1),
    ).toThrow(CheckpointMismatchError);
  });

  it("has the checksum that zip and PNG have", () => {
    expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
  });
});
