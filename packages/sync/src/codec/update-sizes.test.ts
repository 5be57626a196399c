/** What updates weigh, against the entropy bound log2 C(N, k) + k × value bits. */
import {
  Random,
  stateLayout,
  type StateLayout,
  type Update,
  type ValueType,
} from "@everfresh/core";
import { describe, expect, it } from "vitest";

import { encodeUpdate } from "./update-codec.ts";
import { drawIndices, randomValues } from "./update-fuzz.fixture.ts";
import { importSigningKey } from "./signing-keys.ts";
import { signUpdate } from "./update-signature.ts";

const LENET5 = layoutOf([
  [6, 1, 5, 5],
  [6],
  [16, 6, 5, 5],
  [16],
  [120, 400],
  [120],
  [84, 120],
  [84],
  [10, 84],
  [10],
]);

const VALUE_BITS: { readonly [T in Exclude<ValueType, "float32Xor">]: number } = {
  float32: 32,
  float16: 16,
  bfloat16: 16,
  int8: 8,
  sign: 1,
};
const VALUE_TYPES = Object.keys(VALUE_BITS) as (keyof typeof VALUE_BITS)[];

/** Header, fingerprints, versions, time and checksum of the updates here. */
const FRAME_BYTES = 2 + 1 + 1 + 3 + 1 + 32 + 6 + 4;

describe("an update of LeNet-5 at 0.01 %, 7 of 61,706 parameters as float16,", () => {
  it("takes at most 90 bytes, and at most 155 signed, wherever the entries are", async () => {
    const key = await importSigningKey(new Uint8Array(32).fill(7));
    const random = new Random(7);
    for (let round = 0; round < 200; round++) {
      const indices = drawIndices(random, LENET5.parameterCount, 7);
      const bytes = encodeUpdate(updateOf(random, LENET5, "float16", indices), { layout: LENET5 });
      expect(bytes.length).toBeLessThanOrEqual(90);
      if (round % 20 > 0) continue;
      expect((await signUpdate(bytes, key)).length).toBeLessThanOrEqual(155);
    }
  });
});

describe("an update of LeNet-5 as float16", () => {
  it.each([
    [617, 2_100],
    [62, 290],
  ])("takes for %i scattered entries at most %i bytes", (count, bytesMax) => {
    const random = new Random(count);
    const indices = drawIndices(random, LENET5.parameterCount, count);
    const { length } = encodeUpdate(updateOf(random, LENET5, "float16", indices), {
      layout: LENET5,
    });
    expect(length).toBeLessThanOrEqual(bytesMax);
  });
});

describe("the body of an update, indices and values,", () => {
  const layout = layoutOf([[2_000, 600], [2_000], [700, 2_000], [1_000]]);
  const shares = [1e-4, 1e-3, 0.003, 0.01, 0.03, 0.1];

  it.each(VALUE_TYPES)("is within 1.05 of the bound for random positions, as %s", (valueType) => {
    const random = new Random(VALUE_BITS[valueType]);
    for (const share of shares) {
      const count = Math.round(layout.parameterCount * share);
      const indices = drawIndices(random, layout.parameterCount, count);
      const body = bodyBytes(updateOf(random, layout, valueType, indices), layout);
      const bound = boundBytes(layout, count, valueType);
      expect(body / bound).toBeLessThan(1.05);
      expect(body / bound).toBeGreaterThan(0.999);
    }
  });

  it("is within 1.05 of the bound for 1 of 100,000 of 26 million parameters", () => {
    const large = layoutOf([[26_000_000]]);
    const random = new Random(26);
    const indices = drawIndices(random, large.parameterCount, 260);
    const body = bodyBytes(updateOf(random, large, "float16", indices), large);
    expect(body / boundBytes(large, 260, "float16")).toBeLessThan(1.05);
  });

  it("is below the bound where layers differ in how much they change", () => {
    const random = new Random(1);
    const few = drawIndices(random, 1_200_000, 600);
    const many = drawIndices(random, 2_000, 900).map((index) => index + 1_200_000);
    const indices = Uint32Array.of(...few, ...many);
    const body = bodyBytes(updateOf(random, layout, "float16", indices), layout);
    expect(body / boundBytes(layout, 1_500, "float16")).toBeLessThan(0.9);
  });

  it("is below the bound for clusters, for runs, and for nearly all of a layer", () => {
    const random = new Random(2);
    const clusters = drawIndices(random, 2_000, 20).map((block) => block * 1_000);
    const clustered = Array.from(clusters).flatMap((start) =>
      Array.from(drawIndices(random, 300, 60), (index) => start + index),
    );
    const runs = Array.from(clusters).flatMap((start) =>
      Array.from({ length: 60 }, (_, i) => start + i),
    );
    const gone = new Set(drawIndices(random, 2_000, 40));
    const nearlyAll = Array.from({ length: 2_000 }, (_, i) => i)
      .filter((index) => !gone.has(index))
      .map((index) => index + 1_200_000);
    const ratios = [clustered, runs, nearlyAll].map((list) => {
      const update = updateOf(random, layout, "float16", Uint32Array.from(list));
      return bodyBytes(update, layout) / boundBytes(layout, list.length, "float16");
    });
    expect(ratios.map((ratio) => ratio < 0.85)).toEqual([true, true, true]);
    expect(ratios[1]).toBeLessThan(0.6);
  });

  it("is the values and a few bytes when all parameters change, or all of some tensors", () => {
    const random = new Random(3);
    const all = Uint32Array.from({ length: layout.parameterCount }, (_, i) => i);
    const dense = bodyBytes(updateOf(random, layout, "float16", all), layout);
    expect(dense - all.length * 2).toBeLessThan(8);
    const biases = all.filter((i) => (i >= 1_200_000 && i < 1_202_000) || i >= 2_602_000);
    const some = bodyBytes(updateOf(random, layout, "float16", biases), layout);
    expect(some - biases.length * 2).toBeLessThan(12);
  });

  it("has the scales in two bytes each when they are bfloat16", () => {
    const indices = Uint32Array.from({ length: 640 }, (_, i) => i);
    const values = new Float32Array(640);
    const int8 = { ...updateOf(new Random(1), layout, "float32", indices), values };
    const fine = { ...int8, valueType: "int8", scales: new Float32Array(10).fill(0.1) } as const;
    const coarse = { ...fine, scales: new Float32Array(10).fill(0.5) };
    expect(bodyBytes(fine, layout) - bodyBytes(coarse, layout)).toBe(20);
  });
});

function layoutOf(shapes: readonly (readonly number[])[]): StateLayout {
  return stateLayout(
    shapes.map((shape, i) => ({ name: `p${i}`, role: "parameter", dtype: "float32", shape })),
  );
}

function updateOf(
  random: Random,
  layout: StateLayout,
  valueType: ValueType,
  indices: Uint32Array,
): Update {
  const entries = randomValues(random, valueType, layout, indices);
  // Values that need all their bits.
  if (valueType === "float32") entries.values.forEach((_, i, all) => (all[i] = random.normal()));
  return {
    fromVersion: 1_000_000,
    toVersion: 1_000_001,
    fingerprintBefore: "00112233445566778899aabbccddeeff",
    fingerprintAfter: "ffeeddccbbaa99887766554433221100",
    eventTimeMs: 1_790_000_000_000,
    ...entries,
    indices,
    buffers: [],
  };
}

/** All but what every update has. */
function bodyBytes(update: Update, layout: StateLayout): number {
  return encodeUpdate(update, { layout }).length - FRAME_BYTES;
}

function boundBytes(
  layout: StateLayout,
  count: number,
  valueType: keyof typeof VALUE_BITS,
): number {
  let bits = 0;
  for (let i = 0; i < count; i++) bits += Math.log2((layout.parameterCount - i) / (i + 1));
  return (bits + VALUE_BITS[valueType] * count) / 8;
}
