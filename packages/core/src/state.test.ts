import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesPerElement, type DType } from "./dtype.ts";
import { ShapeError } from "./errors.ts";
import { fingerprintOf } from "./fingerprint.ts";
import {
  cloneState,
  copyState,
  createState,
  dataOf,
  stateBytes,
  stateLayout,
  stateOn,
  type StateTensorSpec,
  stateWithin,
  tensorOf,
} from "./state.ts";
import { sizeOf } from "./tensor.ts";

const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 });
const parameters = shapes.map((shape) => ({ role: "parameter", dtype: "float32", shape }) as const);
const buffers = fc
  .tuple(fc.constantFrom<DType>("float32", "int32", "int64", "uint8", "bool"), shapes)
  .map(([dtype, shape]) => ({ role: "buffer", dtype, shape }) as const);
const specLists = fc
  .array(fc.oneof(parameters, buffers), { maxLength: 8 })
  .map((specs): StateTensorSpec[] => specs.map((spec, i) => ({ name: `t${i}`, ...spec })));

describe("a state layout", () => {
  it("puts parameters first and without gaps, then aligned buffers, never one over another", () => {
    fc.assert(
      fc.property(specLists, (specs) => {
        const layout = stateLayout(specs);
        const { tensors } = layout;
        expect(tensors.map(({ name }) => name)).toEqual([
          ...specs.filter(({ role }) => role === "parameter").map(({ name }) => name),
          ...specs.filter(({ role }) => role === "buffer").map(({ name }) => name),
        ]);
        let byteEnd = 0;
        let wordEnd = 0;
        for (const { role, dtype, shape, length, byteOffset, wordOffset } of tensors) {
          expect(length).toBe(sizeOf(shape));
          expect(byteOffset).toBeGreaterThanOrEqual(byteEnd);
          if (role === "parameter")
            expect([byteOffset, wordOffset * 4]).toEqual([byteEnd, byteEnd]);
          else expect(byteOffset % 8).toBe(0);
          expect(wordOffset).toBe(wordEnd);
          byteEnd = byteOffset + length * bytesPerElement(dtype);
          wordEnd += length * (dtype === "int64" ? 2 : 1);
        }
        expect(layout.byteLength).toBeGreaterThanOrEqual(byteEnd);
        expect(layout.byteLength % 8).toBe(0);
        const own = tensors.filter(({ role }) => role === "parameter");
        expect(layout.parameterCount).toBe(own.reduce((sum, { length }) => sum + length, 0));
      }),
    );
  });

  it("refuses repeated names, parameters that are not float32, and impossible shapes", () => {
    const spec = { name: "w", role: "parameter", dtype: "float32", shape: [2] } as const;
    expect(() => stateLayout([spec, { ...spec, role: "buffer" }])).toThrow(/"w" is there twice/);
    expect(() => stateLayout([{ ...spec, dtype: "int64" }])).toThrow(/parameters are float32/);
    expect(() => stateLayout([{ ...spec, dtype: "float64" as DType }])).toThrow(/unknown dtype/);
    expect(() => stateLayout([{ ...spec, shape: [-1] }])).toThrow(ShapeError);
    expect(() => stateLayout([{ ...spec, shape: [0.5] }])).toThrow(ShapeError);
  });
});

describe("a state", () => {
  const layout = stateLayout([
    { name: "steps", role: "buffer", dtype: "int64", shape: [] },
    { name: "a", role: "parameter", dtype: "float32", shape: [2, 2] },
    { name: "b", role: "parameter", dtype: "float32", shape: [3] },
  ]);

  it("shows the same memory as one vector and as named tensors", () => {
    for (const shared of [false, true]) {
      const state = createState(layout, { shared });
      expect(state.buffer instanceof SharedArrayBuffer).toBe(shared);
      state.parameters.set([1, 2, 3, 4, 5, 6, 7]);
      expect(tensorOf(state, "a")).toMatchObject({ dtype: "float32", shape: [2, 2] });
      expect([...(tensorOf(state, "b").data as Float32Array)]).toEqual([5, 6, 7]);
      const steps = tensorOf(state, "steps").data as BigInt64Array;
      steps[0] = -5n;
      expect(dataOf(state, layout.tensors[2]!)[0]).toBe(-5n);
      expect([...state.parameters]).toEqual([1, 2, 3, 4, 5, 6, 7]);
    }
  });

  it("lies on existing memory of the right size only", () => {
    const buffer = new ArrayBuffer(layout.byteLength);
    expect(stateOn(layout, buffer).buffer).toBe(buffer);
    expect(() => stateOn(layout, new ArrayBuffer(layout.byteLength + 8))).toThrow(ShapeError);
  });

  it("lies in WebAssembly memory where kernels are to work on it, and is the same there", () => {
    for (const shared of [false, true]) {
      const plain = createState(layout);
      stateBytes(plain).forEach((_, i, bytes) => (bytes[i] = i * 37));
      const state = cloneState(plain, { shared, kernels: true });
      expect(state.memory?.buffer).toBe(state.buffer);
      expect(state.buffer instanceof SharedArrayBuffer).toBe(shared);
      expect(state.buffer.byteLength).toBeGreaterThan(layout.byteLength);
      expect([...stateBytes(state)]).toEqual([...stateBytes(plain)]);
      expect(fingerprintOf(state)).toBe(fingerprintOf(plain));
      expect([...stateBytes(cloneState(state))]).toEqual([...stateBytes(plain)]);
    }
  });

  it("lies at the beginning of memory that is large enough", () => {
    const buffer = new ArrayBuffer(layout.byteLength + 100);
    const state = stateWithin(layout, buffer);
    expect(state.buffer).toBe(buffer);
    expect(state.memory).toBeUndefined();
    expect(stateBytes(state).byteLength).toBe(layout.byteLength);
    expect(() => stateWithin(layout, new ArrayBuffer(layout.byteLength - 1))).toThrow(ShapeError);
  });

  it("is copied bit for bit, signalling NaN included", () => {
    const state = createState(layout);
    new Uint8Array(state.buffer).forEach((_, i, bytes) => (bytes[i] = i * 37));
    new Uint32Array(state.buffer)[0] = 0x7f800001;
    const copy = cloneState(state, { shared: true });
    expect([...new Uint8Array(copy.buffer)]).toEqual([...new Uint8Array(state.buffer)]);
    copy.parameters[1] = 99;
    expect(state.parameters[1]).not.toBe(99);
  });

  it("is not copied into a state of another size, and has no tensor of another name", () => {
    const small = createState(stateLayout([]));
    expect(() => copyState(createState(layout), small)).toThrow(ShapeError);
    expect(() => tensorOf(small, "a")).toThrow(/no tensor "a"/);
  });
});
