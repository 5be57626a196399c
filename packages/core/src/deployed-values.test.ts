/** Every value type against a naive model that knows only bits and single numbers. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deployCopy, DeployedState } from "./deployed-state.ts";
import { EverfreshError, FingerprintMismatchError, ValueRangeError } from "./errors.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { createState, type ModelState, stateLayout } from "./state.ts";
import {
  INT8_BLOCK,
  isAbsolute,
  isIncrement,
  roundTo,
  type StateChange,
  type ValueType,
} from "./update.ts";
import { entryRuns } from "./update-values.ts";

const LAYOUT = stateLayout([
  { name: "a", role: "parameter", dtype: "float32", shape: [150] },
  { name: "b", role: "parameter", dtype: "float32", shape: [7] },
]);
const VALUE_TYPES = ["float32", "float16", "bfloat16", "float32Xor", "int8", "sign"] as const;

/** Finite float32 bits of every kind: −0, subnormals, the largest. */
const finiteBits = fc
  .oneof(
    fc.constantFrom(0, 0x80000000, 1, 0x80000001, 0x007fffff, 0x7f7fffff, 0xff7fffff),
    fc.integer({ min: 0, max: 0xffffffff }),
  )
  .filter((bits) => (bits & 0x7f800000) !== 0x7f800000);

const states = fc
  .array(finiteBits, { minLength: 157, maxLength: 157 })
  .map((bits) => stateOfBits(bits));

const changes = fc
  .record({
    valueType: fc.constantFrom<ValueType>(...VALUE_TYPES),
    positions: fc.uniqueArray(fc.nat({ max: 156 }), { maxLength: 157, size: "max" }),
    numbers: fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), {
      minLength: 157,
      maxLength: 157,
    }),
    words: fc.array(fc.integer({ min: 0, max: 0xffffffff }), { minLength: 157, maxLength: 157 }),
    scales: fc.array(fc.float({ min: Math.fround(1e-30), max: 1, noNaN: true }), {
      minLength: 3,
      maxLength: 3,
    }),
  })
  .map(changeOf);

interface Parts {
  readonly valueType: ValueType;
  readonly positions: readonly number[];
  readonly numbers: readonly number[];
  readonly words: readonly number[];
  readonly scales: readonly number[];
}

function changeOf({ valueType, positions, numbers, words, scales: drawn }: Parts): StateChange {
  const indices = Uint32Array.from(positions).sort();
  const values = new Float32Array(indices.length);
  const change = { valueType, indices, values, buffers: [] };
  if (isAbsolute(valueType)) {
    values.forEach((_, i) => {
      const value = roundTo(valueType, numbers[i]!);
      values[i] = Number.isFinite(value) ? value : 0;
    });
    return change;
  }
  if (valueType === "float32Xor") {
    new Uint32Array(values.buffer).set(words.slice(0, values.length));
    return change;
  }
  if (valueType === "int8") {
    const scales = Float32Array.from(drawn.slice(0, Math.ceil(values.length / INT8_BLOCK)));
    values.forEach((_, i) => {
      values[i] = scales[Math.floor(i / INT8_BLOCK)]! * ((words[i]! % 255) - 127 || 0);
    });
    return { ...change, scales };
  }
  const runs = entryRuns(LAYOUT, indices);
  const scales = Float32Array.from(drawn.slice(0, runs.length));
  runs.forEach(({ from, to }, at) => {
    for (let i = from; i < to; i++) values[i] = words[i]! % 2 === 0 ? scales[at]! : -scales[at]!;
  });
  return { ...change, scales };
}

/** The bits after a change, one parameter at a time; null when one of them is not finite. */
function expectedBits(before: readonly number[], change: StateChange): readonly number[] | null {
  const after = [...before];
  const sent = bitsOf(change.values);
  change.indices.forEach((index, i) => {
    if (isAbsolute(change.valueType)) after[index] = sent[i]!;
    else if (isIncrement(change.valueType)) {
      after[index] = bitsOf([Math.fround(numberOf(before[index]!) + change.values[i]!)])[0]!;
    } else after[index] = (before[index]! ^ sent[i]!) >>> 0;
  });
  return after.every((bits) => Number.isFinite(numberOf(bits))) ? after : null;
}

describe("a deployed state, for every value type,", () => {
  it("has the bits of a naive model after an update, or is as before when one is not finite", () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(states, changes, (state, change) => {
        const deployed = new DeployedState(state, 3);
        const before = bitsOf(state.parameters);
        const fingerprint = deployed.fingerprint;
        const expected = expectedBits(before, change);
        const key = `${change.valueType} ${expected === null ? "refused" : "applied"}`;
        seen.set(key, (seen.get(key) ?? 0) + 1);
        if (expected === null) {
          expect(() => deployed.updateFor(change)).toThrow(ValueRangeError);
          const forged = { ...deployed.updateFor(nothing()), ...change };
          expect(() => deployed.apply(forged)).toThrow(ValueRangeError);
          expect(bitsOf(state.parameters)).toEqual(before);
          expect([deployed.version, deployed.fingerprint]).toEqual([3, fingerprint]);
          return;
        }
        deployed.apply(deployed.updateFor(change));
        expect(bitsOf(state.parameters)).toEqual(expected);
        expect(deployed.fingerprint).toBe(fingerprintOf(state));
      }),
      { numRuns: 400 },
    );
    for (const type of VALUE_TYPES) expect(seen.get(`${type} applied`) ?? 0).toBeGreaterThan(0);
    expect(seen.get("float32Xor refused") ?? 0).toBeGreaterThan(0);
  });

  it("is untouched by an update with one changed bit in its values or scales, unless it is moot", () => {
    let moot = 0;
    const runs = 300;
    fc.assert(
      fc.property(states, changes, fc.nat(), fc.boolean(), (state, change, at, inScales) => {
        const before = bitsOf(state.parameters);
        const expected = expectedBits(before, change);
        const target = (inScales ? change.scales : undefined) ?? change.values;
        fc.pre(expected !== null && target.length > 0);
        const deployed = new DeployedState(state, 3);
        const update = deployed.updateFor(change);
        const bits = new Uint32Array(target.buffer, 0, target.length);
        const place = at % (bits.length * 32);
        bits[place >> 5]! ^= 1 << (place & 31);
        try {
          deployed.apply(update);
        } catch (error) {
          expect(error).toBeInstanceOf(EverfreshError);
          expect(bitsOf(state.parameters)).toEqual(before);
          expect(deployed.version).toBe(3);
          return;
        }
        // The sign of an increment that is too small to matter, or the scale of a block of zeros.
        expect(isIncrement(change.valueType)).toBe(true);
        expect(bitsOf(state.parameters)).toEqual(expected);
        moot++;
      }),
      { numRuns: runs },
    );
    expect(moot).toBeLessThan(runs / 4);
  });

  it("takes xor words that are NaN as numbers, and is back where it was after the same again", () => {
    // Signalling and quiet NaN patterns, whose bits a copy as numbers may change.
    const words = Uint32Array.of(0x7f812345, 0xff800001, 0x7fc00000);
    const old = [0x7f000001, 0x40000000, 0x3f800001];
    const state = stateOfBits([...old, ...new Array<number>(154).fill(0)]);
    const deployed = new DeployedState(state, 0);
    const change: StateChange = {
      valueType: "float32Xor",
      indices: Uint32Array.of(0, 1, 2),
      values: new Float32Array(words.buffer),
      buffers: [],
    };
    deployed.apply(deployed.updateFor(change));
    expect(bitsOf(state.parameters).slice(0, 3)).toEqual([0x00812344, 0xbf800001, 0x40400001]);
    deployed.apply(deployed.updateFor(change));
    expect(bitsOf(state.parameters).slice(0, 3)).toEqual(old);
    expect(deployed.version).toBe(2);
  });

  it("adds increments in float32: 1 + 2^-24 stays 1, and −0 + 0 is 0", () => {
    const state = createState(LAYOUT);
    state.parameters.set([1, -0, 2 ** -149]);
    const deployed = new DeployedState(state, 0);
    const values = Float32Array.of(2 ** -24, 0, -(2 ** -24));
    const scales = Float32Array.of(2 ** -24);
    const indices = Uint32Array.of(0, 1, 2);
    deployed.apply(deployed.updateFor({ valueType: "int8", indices, values, scales, buffers: [] }));
    expect([...state.parameters.subarray(0, 3)]).toEqual([1, 0, Math.fround(2 ** -149 - 2 ** -24)]);
  });

  it("refuses to be led twice by the same increments", () => {
    const state = createState(LAYOUT);
    const deployed = new DeployedState(state, 0);
    const change = { valueType: "sign", indices: Uint32Array.of(4), buffers: [] } as const;
    const values = Float32Array.of(-0.5);
    const update = deployed.updateFor({ ...change, values, scales: Float32Array.of(0.5) });
    deployed.apply(update);
    const again = { ...update, fromVersion: 1, toVersion: 2 };
    expect(() => deployed.apply(again)).toThrow(FingerprintMismatchError);
    expect(state.parameters[4]).toBe(-0.5);
  });
});

describe("the event time of a deployed state", () => {
  it("is that of the last update that had one", () => {
    const deployed = deployCopy(createState(LAYOUT), 0);
    expect(deployed.eventTimeMs).toBeNull();
    deployed.apply(deployed.updateFor(nothing(), 1_760_000_000_123));
    deployed.apply(deployed.updateFor(nothing()));
    expect(deployed.eventTimeMs).toBe(1_760_000_000_123);
  });

  it.each([-1, 0.5, NaN, 2 ** 60])("cannot be %s", (eventTimeMs) => {
    const deployed = deployCopy(createState(LAYOUT), 0);
    expect(() => deployed.updateFor(nothing(), eventTimeMs)).toThrow(ValueRangeError);
  });
});

function nothing(): StateChange {
  return {
    valueType: "float32",
    indices: new Uint32Array(),
    values: new Float32Array(),
    buffers: [],
  };
}

function stateOfBits(bits: readonly number[]): ModelState {
  const state = createState(LAYOUT);
  new Uint32Array(state.buffer).set(bits);
  return state;
}

function bitsOf(values: Float32Array | readonly number[]): number[] {
  const data = values instanceof Float32Array ? values : Float32Array.from(values);
  return [...new Uint32Array(data.buffer, data.byteOffset, data.length)];
}

function numberOf(bits: number): number {
  return new Float32Array(Uint32Array.of(bits).buffer)[0]!;
}
