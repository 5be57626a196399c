import {
  createState,
  dataOf,
  deployCopy,
  Random,
  stateLayout,
  type StateLayout,
  type Update,
} from "@everfresh/core";
import { describe, expect, it } from "vitest";

import { decodeUpdate, encodeUpdate } from "./update-codec.ts";

const SEED = Number(process.env["EVERFRESH_FUZZ_SEED"] ?? 20_000);

const NOTHING: Update = {
  fromVersion: 3,
  toVersion: 4,
  fingerprintBefore: "00112233445566778899aabbccddeeff",
  fingerprintAfter: "ffeeddccbbaa99887766554433221100",
  eventTimeMs: null,
  valueType: "float32",
  indices: new Uint32Array(0),
  values: new Float32Array(0),
  buffers: [],
};

describe("the buffers of an update", () => {
  it("bring multiples of a power of two in few bits, with the centre that takes fewer", () => {
    const random = new Random(SEED, 4);
    const layout = layoutOf(400);
    const bytesFor = (numbers: readonly number[]): number => {
      const data = Float32Array.from(numbers);
      const sent = { ...NOTHING, buffers: [{ tensor: 1, data }] };
      const bytes = encodeUpdate(sent, { layout });
      expect(wordsOf(decodeUpdate(bytes, { layout }))).toEqual(wordsOf(sent));
      return bytes.length - encodeUpdate(NOTHING, { layout }).length;
    };
    const draw = (centre: number, spread: number): readonly number[] =>
      Array.from({ length: 400 }, () => centre + random.below(2 * spread + 1) - spread);
    const scaled = (numbers: readonly number[], exponent: number): readonly number[] =>
      numbers.map((n) => n * 2 ** exponent);
    const near = draw(0, 16);
    // 33 values take 5.04 bits at least; Exp-Golomb codes of evenly spread ones one bit more or so.
    expect(bytesFor(near) * 8).toBeLessThan(6.5 * 400);
    for (const exponent of [-149, -30, 100]) {
      expect(bytesFor(scaled(near, exponent))).toBe(bytesFor(near));
    }
    expect(bytesFor(draw(9_000, 16))).toBeLessThan(bytesFor(near) + 20);
    // 2^24 can be a multiple, more cannot; −0 is none.
    expect(bytesFor([2 ** 24, ...near.slice(1)])).toBeLessThan(900);
    expect(bytesFor([2 ** 24 + 2, 1, ...near.slice(2)])).toBeGreaterThan(1_600);
    expect(bytesFor([-0, 0.3, ...near.slice(2)])).toBeGreaterThan(1_600);
    expect(bytesFor(Array.from({ length: 400 }, () => 0))).toBeLessThan(64);
  });

  it("add to buffers where the state before is known, that is smaller, and comes to the same bits", () => {
    const layout = layoutOf(50);
    const [, entry] = layout.tensors;
    const deployed = deployCopy(createState(layout), 3);
    const change = (numbers: readonly number[]): Update["buffers"] => {
      const buffers = [{ tensor: 1, data: Float32Array.from(numbers) }];
      const update = deployed.updateFor({ ...NOTHING, buffers });
      const base = new Uint32Array(deployed.state.buffer, 0, layout.byteLength / 4);
      const decoded = decodeUpdate(encodeUpdate(update, { layout, base }), { layout });
      // Words of the parameters alone say nothing about buffers.
      const parameters = base.subarray(0, 8);
      const whole = decodeUpdate(encodeUpdate(update, { layout, base: parameters }), { layout });
      expect(whole.buffers).toEqual(buffers);
      const twin = deployCopy(deployed.state, deployed.version);
      twin.apply(whole);
      deployed.apply(decoded);
      expect(dataOf(deployed.state, entry!)).toEqual(Float32Array.from(numbers));
      expect(deployed.fingerprint).toBe(twin.fingerprint);
      return decoded.buffers;
    };
    const start = Array.from({ length: 50 }, (_, i) => 3 + ((i * 37) % 50) / 16);
    expect(change(start)[0]?.adds).toBeUndefined();
    const moved = start.map((value, i) => value + (i % 3 === 0 ? 1 / 16 : 0));
    expect(change(moved)).toEqual([
      {
        tensor: 1,
        data: Float32Array.from(moved, (value, i) => value - start[i]!),
        adds: true,
      },
    ]);
    // From 1/3 nothing adds up to a multiple exactly; and far away the sums are larger.
    expect(change(moved.map((value, i) => (i === 7 ? 1 / 3 : value)))[0]?.adds).toBeUndefined();
    expect(change(start.map((value, i) => (i === 7 ? NaN : value)))[0]?.adds).toBeUndefined();
    expect(change(start)[0]?.adds).toBeUndefined();
    expect(change(start.map((value) => 2_000 - value))[0]?.adds).toBeUndefined();
  });
});

function layoutOf(length: number): StateLayout {
  return stateLayout([
    { name: "w", role: "parameter", dtype: "float32", shape: [8] },
    { name: "b", role: "buffer", dtype: "float32", shape: [length] },
  ]);
}

function wordsOf({ buffers }: Update): readonly number[] {
  return buffers.flatMap(({ data }) => [
    ...new Uint32Array(data.buffer, data.byteOffset, data.length),
  ]);
}
