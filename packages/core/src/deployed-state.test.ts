import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deployCopy, DeployedState } from "./deployed-state.ts";
import {
  FingerprintMismatchError,
  ShapeError,
  ValueRangeError,
  VersionGapError,
} from "./errors.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { createState, dataOf, type ModelState, stateLayout, tensorOf } from "./state.ts";
import {
  type BufferChange,
  roundTo,
  type StateChange,
  type Update,
  type AbsoluteType,
} from "./update.ts";

const LAYOUT = stateLayout([
  { name: "weight", role: "parameter", dtype: "float32", shape: [4, 5] },
  { name: "steps", role: "buffer", dtype: "int64", shape: [2] },
  { name: "mean", role: "buffer", dtype: "float32", shape: [3] },
]);
const STEPS = 1;
const MEAN = 2;

const CHANGE: StateChange = {
  valueType: "float32",
  indices: Uint32Array.of(1, 19),
  values: Float32Array.of(-7, 8),
  buffers: [steps(41n)],
};

const NOTHING: StateChange = {
  valueType: "float32",
  indices: new Uint32Array(),
  values: new Float32Array(),
  buffers: [],
};

describe("a deployed state", () => {
  it("takes any chain of good updates, its fingerprint always that of its content", () => {
    fc.assert(
      fc.property(fc.array(changes(), { maxLength: 6 }), (list) => {
        const deployed = deployedState();
        const twin = deployCopy(deployed.state, deployed.version);
        list.forEach((change, i) => {
          const before = bytesOf(deployed.state);
          const update = deployed.updateFor(change);
          expect(bytesOf(deployed.state)).toEqual(before);
          deployed.apply(update);
          twin.apply(update);
          expect(deployed.version).toBe(8 + i);
          expect(deployed.fingerprint).toBe(fingerprintOf(deployed.state));
          change.indices.forEach((index, at) => {
            expect(deployed.state.parameters[index]).toBe(change.values[at]);
          });
          deployed.verify();
        });
        expect(twin.fingerprint).toBe(deployed.fingerprint);
        expect(bytesOf(twin.state)).toEqual(bytesOf(deployed.state));
      }),
    );
  });

  it("changes buffers of whole numbers of 64 bits, exactly", () => {
    const deployed = deployedState();
    const data = BigInt64Array.of(2n ** 62n + 1n, -1n);
    deployed.apply(deployed.updateFor({ ...NOTHING, buffers: [{ tensor: STEPS, data }] }));
    expect(dataOf(deployed.state, LAYOUT.tensors[STEPS]!)).toEqual(data);
    deployed.verify();
  });

  it("keeps NaN bits of a buffer as they are", () => {
    const deployed = deployedState();
    const data = new Float32Array(Uint32Array.of(0x7fc12345, 0x80000000, 0xffc00001).buffer);
    deployed.apply(deployed.updateFor({ ...NOTHING, buffers: [{ tensor: MEAN, data }] }));
    const { buffer, byteOffset } = tensorOf(deployed.state, "mean").data;
    expect([...new Uint32Array(buffer, byteOffset, 3)]).toEqual([
      0x7fc12345, 0x80000000, 0xffc00001,
    ]);
    deployed.verify();
  });

  it("adds to buffers in float32, each sum rounded once", () => {
    const deployed = deployedState();
    const change = (data: Float32Array, adds: boolean): void => {
      deployed.apply(deployed.updateFor({ ...NOTHING, buffers: [{ tensor: MEAN, data, adds }] }));
    };
    change(Float32Array.of(1, -0, 16_777_216), false);
    const update = deployed.updateFor({
      ...NOTHING,
      buffers: [{ tensor: MEAN, data: Float32Array.of(2 ** -24, 0, -0.75), adds: true }],
    });
    deployed.apply(update);
    expect([...tensorOf(deployed.state, "mean").data]).toEqual([1, 0, 16_777_215]);
    expect(deployed.fingerprint).toBe(fingerprintOf(deployed.state));
    // Led twice by the same sums it would be elsewhere.
    const again = { ...update, fromVersion: 9, toVersion: 10 };
    expect(() => deployed.apply(again)).toThrow(FingerprintMismatchError);
    deployed.verify();
  });

  it("may skip versions: a merged update leads from one to a later one", () => {
    const deployed = deployedState();
    deployed.apply({ ...deployed.updateFor(CHANGE), toVersion: 20 });
    expect(deployed.version).toBe(20);
  });

  it("has its own memory when it is a copy", () => {
    const original = deployedState().state;
    const copy = deployCopy(original, 3, { shared: true });
    expect(copy.version).toBe(3);
    expect(copy.state.buffer).toBeInstanceOf(SharedArrayBuffer);
    copy.apply(copy.updateFor(CHANGE));
    expect(original.parameters[1]).toBe(1);
    expect(copy.state.parameters[1]).toBe(-7);
  });

  it("checks the fingerprint that it is opened with", () => {
    const { state, fingerprint } = deployedState();
    expect(new DeployedState(state, 1, fingerprint).fingerprint).toBe(fingerprint);
    expect(() => new DeployedState(state, 1, "0".repeat(32))).toThrow(FingerprintMismatchError);
  });

  it("finds a value that changed without an update", () => {
    const deployed = deployedState();
    deployed.verify();
    deployed.state.parameters[3] = 3.0000002;
    expect(() => deployed.verify()).toThrow(FingerprintMismatchError);
  });
});

describe("a bad update leaves everything as it was:", () => {
  const good = (): Update => deployedState().updateFor(CHANGE);
  const bad: Record<string, readonly [Update, new (...args: never[]) => Error]> = {
    "from an earlier version": [{ ...good(), fromVersion: 6 }, VersionGapError],
    "from a later version": [{ ...good(), fromVersion: 8, toVersion: 9 }, VersionGapError],
    "that leads nowhere": [{ ...good(), toVersion: 7 }, VersionGapError],
    "to a version that is no number": [{ ...good(), toVersion: NaN }, VersionGapError],
    "to half a version": [{ ...good(), toVersion: 7.5 }, VersionGapError],
    "for another state": [
      { ...good(), fingerprintBefore: "0".repeat(32) },
      FingerprintMismatchError,
    ],
    "to another state": [{ ...good(), fingerprintAfter: "0".repeat(32) }, FingerprintMismatchError],
    "with a changed value": [
      { ...good(), values: Float32Array.of(-7, 8.000001) },
      FingerprintMismatchError,
    ],
    "with a changed index": [
      { ...good(), indices: Uint32Array.of(2, 19) },
      FingerprintMismatchError,
    ],
    "without its buffer": [{ ...good(), buffers: [] }, FingerprintMismatchError],
    "with fewer values than indices": [{ ...good(), values: Float32Array.of(1) }, ShapeError],
    "with an index out of range": [{ ...good(), indices: Uint32Array.of(1, 20) }, ShapeError],
    "with the largest index": [{ ...good(), indices: Uint32Array.of(1, 2 ** 32 - 1) }, ShapeError],
    "with an index twice": [{ ...good(), indices: Uint32Array.of(1, 1) }, ShapeError],
    "with descending indices": [{ ...good(), indices: Uint32Array.of(19, 1) }, ShapeError],
    "with NaN": [{ ...good(), values: Float32Array.of(1, NaN) }, ValueRangeError],
    "with infinity": [{ ...good(), values: Float32Array.of(-Infinity, 1) }, ValueRangeError],
    "with a value beyond float16": [
      { ...good(), valueType: "float16", values: Float32Array.of(1, 70_000) },
      ValueRangeError,
    ],
    "with a value that is not rounded to float16": [
      { ...good(), valueType: "float16", values: Float32Array.of(1, 0.1) },
      ValueRangeError,
    ],
    "with a parameter as buffer": [
      { ...good(), buffers: [{ tensor: 0, data: new Float32Array(20) }] },
      ShapeError,
    ],
    "with a buffer that is not there": [
      { ...good(), buffers: [{ tensor: 3, data: new Float32Array(1) }] },
      ShapeError,
    ],
    "with a buffer of another size": [
      { ...good(), buffers: [{ tensor: STEPS, data: new BigInt64Array(1) }] },
      ShapeError,
    ],
    "with a buffer twice": [{ ...good(), buffers: [steps(1n), steps(2n)] }, ShapeError],
    "that adds to whole numbers": [
      { ...good(), buffers: [{ ...steps(1n), adds: true }] },
      ShapeError,
    ],
    "that adds float32 to whole numbers": [
      { ...good(), buffers: [{ tensor: STEPS, data: new Float32Array(4), adds: true }] },
      ShapeError,
    ],
    "that makes a buffer infinite": [
      {
        ...good(),
        buffers: [steps(41n), { tensor: MEAN, data: Float32Array.of(0, Infinity, 0), adds: true }],
      },
      ValueRangeError,
    ],
  };

  it.each(Object.keys(bad))("%s", (name) => {
    const [update, error] = bad[name]!;
    const deployed = deployedState();
    const before = [bytesOf(deployed.state), deployed.version, deployed.fingerprint];
    expect(() => deployed.apply(update)).toThrow(error);
    expect([bytesOf(deployed.state), deployed.version, deployed.fingerprint]).toEqual(before);
    deployed.apply(good());
    expect(deployed.fingerprint).toBe(good().fingerprintAfter);
  });

  it("applied a second time", () => {
    const deployed = deployedState();
    const update = good();
    deployed.apply(update);
    const after = bytesOf(deployed.state);
    expect(() => deployed.apply(update)).toThrow(VersionGapError);
    expect(bytesOf(deployed.state)).toEqual(after);
  });
});

describe("an update is not made for a change that cannot be sent:", () => {
  it.each([
    ["an index out of range", { ...CHANGE, indices: Uint32Array.of(1, 20) }, ShapeError],
    ["NaN", { ...CHANGE, values: Float32Array.of(1, NaN) }, ValueRangeError],
    ["a buffer twice", { ...CHANGE, buffers: [steps(1n), steps(1n)] }, ShapeError],
    ["a sum that is NaN", { ...CHANGE, buffers: [{ ...mean(NaN), adds: true }] }, ValueRangeError],
    ["buffers out of order", { ...CHANGE, buffers: [mean(), steps(1n)] }, ShapeError],
  ] as const)("%s", (_, change, error) => {
    expect(() => deployedState().updateFor(change)).toThrow(error);
  });
});

/** Version 7 of a state with parameters 0, 1, 2, ... */
function deployedState(): DeployedState {
  const state = createState(LAYOUT);
  state.parameters.forEach((_, i, parameters) => (parameters[i] = i));
  return new DeployedState(state, 7);
}

function steps(value: bigint): BufferChange {
  return { tensor: STEPS, data: BigInt64Array.of(value, -value) };
}

function mean(first = 1): BufferChange {
  return { tensor: MEAN, data: Float32Array.of(first, 2, 3) };
}

function bytesOf(state: ModelState): readonly number[] {
  return [...new Uint8Array(state.buffer)];
}

/** Changes that can be sent. */
function changes(): fc.Arbitrary<StateChange> {
  const value = fc.float({ min: -60_000, max: 60_000, noNaN: true });
  const entries = fc.uniqueArray(fc.tuple(fc.nat({ max: 19 }), value), {
    selector: ([index]) => index,
  });
  const buffers = fc.constantFrom(...[[], [steps(5n)], [mean()], [steps(5n), mean()]], [
    { ...mean(0.1), adds: true },
  ]);
  const valueTypes = fc.constantFrom<AbsoluteType>("float32", "float16", "bfloat16");
  return fc.tuple(valueTypes, entries, buffers).map(([valueType, list, changed]) => {
    const sorted = list.toSorted(([a], [b]) => a - b);
    return {
      valueType,
      indices: Uint32Array.from(sorted, ([index]) => index),
      values: Float32Array.from(sorted, ([, number]) => roundTo(valueType, number)),
      buffers: changed,
    };
  });
}
