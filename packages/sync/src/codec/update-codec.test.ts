import {
  crc32,
  createState,
  DeployedState,
  Random,
  roundTo,
  stateLayout,
  type Update,
  type ValueType,
} from "@everfresh/core";
import fc from "fast-check";
import { crc32 as zlibCrc32 } from "node:zlib";
import { describe, expect, it } from "vitest";

import { CorruptUpdateError, UnsupportedFormatError } from "../errors.ts";
import { decodeUpdate, encodeUpdate } from "./update-codec.ts";

const LENET5_PARAMETERS = 61_706;

const fingerprint = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(""));

const indexSets = fc.oneof(
  fc.uniqueArray(fc.integer({ min: 0, max: 2 ** 31 - 1 }), { maxLength: 60 }),
  fc.uniqueArray(fc.integer({ min: 0, max: 300 }), { maxLength: 200 }),
  fc
    .tuple(fc.integer({ min: 0, max: 100_000 }), fc.integer({ min: 1, max: 400 }))
    .map(([first, length]) => Array.from({ length }, (_, i) => first + i)),
);

const buffer = fc.oneof(
  fc.float32Array({ maxLength: 5 }),
  fc.int32Array({ maxLength: 5 }),
  fc.bigInt64Array({ maxLength: 5 }),
  fc.uint8Array({ maxLength: 5 }),
);

const updates: fc.Arbitrary<Update> = fc
  .record({
    fromVersion: fc.oneof(
      fc.integer({ min: 0, max: 1000 }),
      fc.integer({ min: 0, max: 2 ** 52 - 1 }),
    ),
    step: fc.integer({ min: 1, max: 1000 }),
    before: fingerprint,
    after: fingerprint,
    valueType: fc.constantFrom<ValueType>("float32", "float16"),
    indices: indexSets,
    seed: fc.nat(),
    tensors: fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 65_535 }), buffer), {
      maxLength: 3,
      selector: ([tensor]) => tensor,
    }),
  })
  .map(({ fromVersion, step, before, after, valueType, indices, seed, tensors }) => {
    const random = new Random(seed);
    return {
      fromVersion,
      toVersion: fromVersion + step,
      fingerprintBefore: before,
      fingerprintAfter: after,
      valueType,
      indices: Uint32Array.from(indices.toSorted((a, b) => a - b)),
      values: Float32Array.from(indices, () => roundTo(valueType, random.normal(0, 100))),
      buffers: tensors
        .toSorted(([a], [b]) => a - b)
        .map(([tensor, data]) => ({ tensor, data: data as Float32Array })),
    };
  });

describe("encodeUpdate and decodeUpdate", () => {
  it("give back exactly the update that went in", () => {
    fc.assert(
      fc.property(updates, (update) => {
        expect(decodeUpdate(encodeUpdate(update))).toEqual(update);
      }),
      { numRuns: 400 },
    );
  });

  it("are canonical: encoding what was decoded gives the same bytes", () => {
    fc.assert(
      fc.property(updates, (update) => {
        const bytes = encodeUpdate(update);
        expect(encodeUpdate(decodeUpdate(bytes))).toEqual(bytes);
      }),
      { numRuns: 100 },
    );
  });

  it("keep the raw bits: minus zero, subnormals and NaN in buffers", () => {
    const update = updateOf(9, [0, 5, 6], "float32", () => -0);
    update.values[1] = 2 ** -149;
    const nan = new Float32Array(Uint32Array.of(0x7fc12345, 0xff812345).buffer);
    const decoded = decodeUpdate(encodeUpdate({ ...update, buffers: [{ tensor: 2, data: nan }] }));
    expect(Object.is(decoded.values[0], -0)).toBe(true);
    expect(decoded.values[1]).toBe(2 ** -149);
    const data = decoded.buffers[0]!.data;
    expect(new Uint32Array(data.buffer)).toEqual(Uint32Array.of(0x7fc12345, 0xff812345));
  });

  it("lead a state to the fingerprint that the update names", () => {
    const layout = stateLayout([{ name: "w", role: "parameter", dtype: "float32", shape: [1000] }]);
    const publisher = new DeployedState(createState(layout), 0);
    const replica = new DeployedState(createState(layout), 0);
    const random = new Random(4);
    for (let version = 0; version < 20; version++) {
      const { indices, values } = updateOf(1000, draw(random, 1000, 30), "float16", () =>
        roundTo("float16", random.normal()),
      );
      const change = { valueType: "float16" as const, indices, values, buffers: [] };
      const bytes = encodeUpdate(publisher.updateFor(change));
      publisher.apply(publisher.updateFor(change));
      replica.apply(decodeUpdate(bytes));
    }
    expect(replica.fingerprint).toBe(publisher.fingerprint);
  });

  it.each([
    [617, 2_100],
    [62, 300],
  ])(
    `send %i of LeNet-5's 61,706 parameters as float16 in at most %i bytes, ` +
      `and within 5 %% + 48 bytes of the entropy bound (log2 C(N, k) + 16 k) / 8`,
    (count, bytesMax) => {
      const random = new Random(count);
      const indices = draw(random, LENET5_PARAMETERS, count);
      const update = updateOf(1_000, indices, "float16", () => roundTo("float16", random.normal()));
      const { length } = encodeUpdate(update);
      const bound = (log2Choose(LENET5_PARAMETERS, count) + 16 * count) / 8;
      expect(length).toBeLessThanOrEqual(bytesMax);
      expect(length).toBeLessThanOrEqual(bound * 1.05 + 48);
      expect(length).toBeGreaterThan(bound);
    },
  );

  it("send a dense update without any index", () => {
    const update = updateOf(0, range(0, 5_000), "float16", () => 1);
    expect(encodeUpdate(update).length).toBe(2 * 5_000 + 3 + 1 + 2 + 32 + 2 + 1 + 1 + 4);
  });

  it("send tight clusters that lie far apart in a byte per index", () => {
    const clusters = [...range(0, 500), ...range(2 ** 30, 2 ** 30 + 500)];
    const { length } = encodeUpdate(updateOf(0, clusters, "float16", () => 1));
    expect(length).toBeLessThan(1_000 * 3 + 60);
  });

  it("refuse to encode what could not be decoded", () => {
    expect(() => encodeUpdate(updateOf(0, [3, 3], "float32", () => 1))).toThrow("ascend");
    expect(() => encodeUpdate(updateOf(0, [3], "float16", () => 0.1))).toThrow("float16");
    expect(() => encodeUpdate(updateOf(0, [3], "float32", () => NaN))).toThrow("float32");
    expect(() => encodeUpdate({ ...updateOf(3, [], "float32", () => 1), toVersion: 3 })).toThrow(
      "forward",
    );
  });

  it("name an unknown format version", () => {
    const bytes = encodeUpdate(updateOf(0, [1], "float32", () => 1));
    bytes[2] = 2;
    expect(() => decodeUpdate(bytes)).toThrow(UnsupportedFormatError);
  });

  it("refuse another form of the same content", () => {
    const bytes = encodeUpdate(updateOf(299, [3, 300, 301, 700], "float16", () => 1));
    expect([...bytes.subarray(4, 6)]).toEqual([0xab, 0x02]);
    const longer = withCrc(Uint8Array.of(...bytes.subarray(0, 5), 0x82, 0, ...bytes.subarray(6)));
    expect(() => decodeUpdate(longer)).toThrow("longer than it needs to be");
    const padded = bytes.slice();
    padded[bytes.length - 5 - 2 * 4 - 1]! |= 0x80;
    expect(() => decodeUpdate(withCrc(padded))).toThrow("padding");
    const empty = encodeUpdate(updateOf(0, [], "float16", () => 1));
    empty[3]! |= 0x10;
    expect(() => decodeUpdate(withCrc(empty))).toThrow("without entries");
  });

  it("refuse an index beyond the state's parameters", () => {
    const bytes = encodeUpdate(updateOf(0, [1, 999], "float32", () => 1));
    expect(decodeUpdate(bytes, { parameterCount: 1_000 }).indices).toHaveLength(2);
    expect(() => decodeUpdate(bytes, { parameterCount: 999 })).toThrow(CorruptUpdateError);
  });

  it("find every flipped bit and every truncation", () => {
    const bytes = encodeUpdate(updateOf(7, [1, 9, 30], "float16", () => 0.5));
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => decodeUpdate(flipped)).toThrow();
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeUpdate(bytes.subarray(0, length))).toThrow(CorruptUpdateError);
    }
  });

  it("survive 20,000 mutations, most with a right checksum: typed error or valid update", () => {
    const random = new Random(Number(process.env["EVERFRESH_FUZZ_SEED"] ?? 20_000));
    const corpus = fc
      .sample(updates, { numRuns: 50, seed: 1 })
      .map((update) => encodeUpdate(update));
    let accepted = 0;
    for (let round = 0; round < 20_000; round++) {
      const bytes = mutate(corpus[random.below(corpus.length)]!, random);
      try {
        const update = decodeUpdate(bytes);
        encodeUpdate(update);
        accepted++;
      } catch (error) {
        const typed =
          error instanceof CorruptUpdateError || error instanceof UnsupportedFormatError;
        if (!typed) throw error;
      }
    }
    expect(accepted).toBeGreaterThan(100);
    expect(accepted).toBeLessThan(20_000);
  });

  it("use memory by the bytes that are there, not by the counts that they claim", () => {
    const head = encodeUpdate(updateOf(0, [], "float32", () => 1)).subarray(0, 6 + 32);
    // 2^30 entries in a few bytes.
    const bytes = withCrc(Uint8Array.of(...head, 0x80, 0x80, 0x80, 0x80, 0x04, 0, 0, 0, 0, 0, 0));
    expect(() => decodeUpdate(bytes)).toThrow("1073741824 entries do not fit");
  });
});

describe("crc32", () => {
  it("is zlib's", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(crc32(bytes)).toBe(zlibCrc32(bytes));
      }),
    );
  });
});

function updateOf(
  fromVersion: number,
  indices: readonly number[],
  valueType: ValueType,
  value: () => number,
): Update {
  return {
    fromVersion,
    toVersion: fromVersion + 1,
    fingerprintBefore: "00112233445566778899aabbccddeeff",
    fingerprintAfter: "ffeeddccbbaa99887766554433221100",
    valueType,
    indices: Uint32Array.from(indices),
    values: Float32Array.from(indices, value),
    buffers: [],
  };
}

function draw(random: Random, limit: number, count: number): readonly number[] {
  const chosen = new Set<number>();
  while (chosen.size < count) chosen.add(random.below(limit));
  return [...chosen].sort((a, b) => a - b);
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

function log2Choose(n: number, k: number): number {
  let bits = 0;
  for (let i = 0; i < k; i++) bits += Math.log2((n - i) / (i + 1));
  return bits;
}

/** One to three changes of bytes, length or place; then, mostly, a checksum that fits. */
function mutate(original: Uint8Array, random: Random): Uint8Array {
  let bytes = original.slice();
  for (let times = 1 + random.below(3); times > 0; times--) {
    const at = random.below(bytes.length);
    const kind = random.below(5);
    if (kind === 0) bytes[at]! ^= 1 << random.below(8);
    else if (kind === 1) bytes[at] = random.below(256);
    else if (kind === 2) bytes[at] = [0, 127, 128, 255][random.below(4)]!;
    else if (kind === 3) bytes = bytes.subarray(0, Math.max(8, at)).slice();
    else bytes = Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(at >> 1));
  }
  return random.below(10) === 0 ? bytes : withCrc(bytes);
}

function withCrc(bytes: Uint8Array): Uint8Array {
  const end = bytes.length - 4;
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(end, crc32(bytes.subarray(0, end)), true);
  return bytes;
}
