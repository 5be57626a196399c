import {
  createState,
  deployCopy,
  Random,
  roundTo,
  stateLayout,
  type StateLayout,
  type Update,
} from "@everfresh/core";
import { describe, expect, it } from "vitest";

import { CorruptUpdateError, UnsupportedFormatError } from "../errors.ts";
import { decodeUpdate, encodeUpdate } from "./update-codec.ts";
import {
  fate,
  FUZZ_LAYOUT,
  fuzzCorpus,
  fuzzState,
  mutated,
  randomIndices,
  randomUpdate,
  randomValues,
  VALUE_TYPES,
  withCrc,
} from "./update-fuzz.fixture.ts";
import { readUpdateHeader } from "./update-header.ts";

const SEED = Number(process.env["EVERFRESH_FUZZ_SEED"] ?? 20_000);
const ONE = layoutOf(1_000);

describe("encodeUpdate and decodeUpdate", () => {
  it("give back exactly the update that went in, of every value type", () => {
    const random = new Random(SEED);
    const seen = new Set<string>();
    for (let round = 0; round < 1_500; round++) {
      const update = randomUpdate(random);
      const decoded = decodeUpdate(encode(update), { layout: FUZZ_LAYOUT });
      expect(bitsOf(decoded)).toEqual(bitsOf(update));
      seen.add(update.valueType);
    }
    expect(seen.size).toBe(VALUE_TYPES.length);
  });

  it("are canonical: encoding what was decoded gives the same bytes", () => {
    const random = new Random(SEED, 1);
    for (let round = 0; round < 400; round++) {
      const bytes = encode(randomUpdate(random));
      expect(encode(decodeUpdate(bytes, { layout: FUZZ_LAYOUT }))).toEqual(bytes);
    }
  });

  it("keep the raw bits: minus zero, subnormals, NaN in buffers and in xor words", () => {
    const update = updateOf([0, 5, 6], [-0, 2 ** -149, 0.1]);
    const nan = new Float32Array(Uint32Array.of(0x7fc12345, 0xff812345).buffer);
    const layout = layoutOf(1_000, 2);
    const sent = { ...update, buffers: [{ tensor: 1, data: nan }] };
    const decoded = decodeUpdate(encodeUpdate(sent, { layout }), { layout });
    expect(bitsOf(decoded)).toEqual(bitsOf(sent));
    const words = Uint32Array.of(0x7f812345, 0xff800001, 0x00000001);
    const xor = {
      ...update,
      valueType: "float32Xor",
      values: new Float32Array(words.buffer),
    } as const;
    const back = decodeUpdate(encodeUpdate(xor, { layout }), { layout });
    expect(new Uint32Array(back.values.buffer)).toEqual(words);
  });

  it("bring a buffer in two bytes for each number when all lower halves are 0, and only then", () => {
    const update = updateOf([], []);
    const bytesFor = (words: readonly number[]): number => {
      const data = new Float32Array(Uint32Array.from(words).buffer);
      const sent = { ...update, buffers: [{ tensor: 1, data }] };
      const bytes = encodeUpdate(sent, { layout: ONE });
      const [back] = decodeUpdate(bytes, { layout: ONE }).buffers;
      expect(new Uint32Array(back!.data.buffer)).toEqual(Uint32Array.from(words));
      return bytes.length;
    };
    const exact = bytesFor([0x3f800000, 0x80000000, 0x7fc10000, 0xff800000]);
    expect(bytesFor([0x3f800001, 0x80000000, 0x7fc10000, 0xff800000]) - exact).toBe(8);
    expect(bytesFor([0x3f800000, 0x80000000, 0x7fc10000, 0xff808000]) - exact).toBe(8);
  });

  it("take views into larger memory, and Node's buffers", () => {
    const bytes = encode(randomUpdate(new Random(5)));
    const within = new Uint8Array(bytes.length + 7);
    within.set(bytes, 3);
    const view = within.subarray(3, 3 + bytes.length);
    const expected = decodeUpdate(bytes, { layout: FUZZ_LAYOUT });
    expect(decodeUpdate(view, { layout: FUZZ_LAYOUT })).toEqual(expected);
    const pooled = Buffer.from(bytes);
    const decoded = decodeUpdate(pooled, { layout: FUZZ_LAYOUT });
    pooled.fill(0);
    expect(bitsOf(decoded)).toEqual(bitsOf(expected));
  });

  it("lead a state to the fingerprint that the update names, whatever the value type", () => {
    const publisher = deployCopy(createState(FUZZ_LAYOUT), 0);
    const replica = deployCopy(createState(FUZZ_LAYOUT), 0);
    const random = new Random(4);
    for (let version = 0; version < 60; version++) {
      const valueType = VALUE_TYPES.filter((type) => type !== "float32Xor")[version % 5]!;
      const indices = randomIndices(random, FUZZ_LAYOUT);
      const values = randomValues(random, valueType, FUZZ_LAYOUT, indices);
      const update = publisher.updateFor({ ...values, indices, buffers: [] }, version);
      const base = new Uint32Array(publisher.state.buffer, 0, FUZZ_LAYOUT.parameterCount);
      const bytes = encodeUpdate(update, { layout: FUZZ_LAYOUT, base });
      publisher.apply(update);
      replica.apply(decodeUpdate(bytes, { layout: FUZZ_LAYOUT }));
      expect(replica.fingerprint).toBe(publisher.fingerprint);
    }
    expect(replica.eventTimeMs).toBe(59);
  });

  it("send float32 as xor words where the bits before it are known and that is smaller", () => {
    const random = new Random(6);
    const state = createState(ONE);
    state.parameters.forEach((_, i) => (state.parameters[i] = random.normal()));
    const deployed = deployCopy(state, 0);
    const indices = Uint32Array.from({ length: 300 }, (_, i) => i * 3);
    const near = Float32Array.from(
      indices,
      (i) => state.parameters[i]! * (1 + 1e-3 * random.float()),
    );
    const change = { valueType: "float32", indices, values: near, buffers: [] } as const;
    const base = new Uint32Array(state.buffer, 0, ONE.parameterCount);
    const update = deployed.updateFor(change);
    const plain = encodeUpdate(update, { layout: ONE });
    const small = encodeUpdate(update, { layout: ONE, base });
    expect(small.length).toBeLessThan(plain.length - 300);
    const decoded = decodeUpdate(small, { layout: ONE });
    expect(decoded.valueType).toBe("float32Xor");
    expect(encodeUpdate(decoded, { layout: ONE })).toEqual(small);
    deployed.apply(decoded);
    expect(deployed.fingerprint).toBe(update.fingerprintAfter);
    const far = Float32Array.from(indices, () => random.normal() * 1e30);
    const random32 = { ...update, values: far };
    expect(encodeUpdate(random32, { layout: ONE, base })).toEqual(
      encodeUpdate(random32, { layout: ONE }),
    );
  });

  it("refuse to encode what could not be decoded", () => {
    const encodeOne = (update: Update): Uint8Array => encodeUpdate(update, { layout: ONE });
    expect(() => encodeOne(updateOf([3, 3], [1, 1]))).toThrow("ascend");
    expect(() => encodeOne(updateOf([1_000], [1]))).toThrow("below 1000");
    expect(() => encodeOne({ ...updateOf([3], [0.1]), valueType: "float16" })).toThrow("float16");
    expect(() => encodeOne(updateOf([3], [NaN]))).toThrow("float32");
    expect(() => encodeOne({ ...updateOf([3], [1]), toVersion: 3 })).toThrow("forward");
    expect(() => encodeOne({ ...updateOf([3], [1]), eventTimeMs: 0.5 })).toThrow("event time");
    expect(() => encodeOne({ ...updateOf([3], [1]), valueType: "sign" })).toThrow("scales");
    const data = new Float32Array(1);
    const buffers = [
      { tensor: 4, data },
      { tensor: 4, data },
    ];
    expect(() => encodeOne({ ...updateOf([], []), buffers })).toThrow("ascend");
  });

  it("name an unknown format version, the one before this among them", () => {
    const bytes = encodeUpdate(updateOf([1], [1]), { layout: ONE });
    for (const version of [0, 1, 3]) {
      bytes[2] = version;
      expect(() => decodeUpdate(bytes, { layout: ONE })).toThrow(UnsupportedFormatError);
      expect(() => readUpdateHeader(bytes)).toThrow(UnsupportedFormatError);
    }
  });

  it("refuse another form of the same content", () => {
    const decode = (bytes: Uint8Array): Update => decodeUpdate(withCrc(bytes), { layout: ONE });
    const bytes = encodeUpdate(updateOf([3, 300, 301, 700], [0.1, 0.2, 0.3, 0.4], 299), {
      layout: ONE,
    });
    expect([...bytes.subarray(4, 6)]).toEqual([0xab, 0x02]);
    const longer = Uint8Array.of(...bytes.subarray(0, 5), 0x82, 0, ...bytes.subarray(6));
    expect(() => decode(longer)).toThrow("longer than it needs to be");
    const padded = bytes.slice();
    padded[bytes.length - 5 - 4 * 4]! |= 0x80;
    expect(() => decode(padded)).toThrow("padding");
    const unknown = bytes.slice();
    unknown[3]! |= 0x80;
    expect(() => decode(unknown)).toThrow("flags");
    const noBuffers = Uint8Array.of(...bytes.subarray(0, -4), 0, 0, 0, 0, 0);
    noBuffers[3]! |= 0x20;
    expect(() => decode(noBuffers)).toThrow("none is there");
    const table = Float32Array.from({ length: 8 }, (_, i) => i);
    const added = encodeUpdate(
      { ...updateOf([], []), buffers: [{ tensor: 1, data: table, adds: true }] },
      { layout: layoutOf(1_000, 8) },
    );
    const formAt = added.findIndex((byte, i) => byte === 13 && added[i + 1] === 8);
    for (const form of [6, 7, 9, 10, 11, 14, 16, 29]) {
      const other = added.slice();
      other[formAt] = form;
      expect(() => decode(other)).toThrow(`form ${form} of buffer 1 is unknown`);
    }
    expect(() => decode(Uint8Array.of(...bytes, 0))).toThrow("too many");
    const empty = encodeUpdate(updateOf([], []), { layout: ONE });
    empty[3] = 3;
    expect(() => decode(empty)).toThrow("none is there");
  });

  it("refuse an index beyond the state's parameters", () => {
    const bytes = encodeUpdate(updateOf([1, 999], [1, 1]), { layout: ONE });
    expect(decodeUpdate(bytes, { layout: ONE }).indices).toHaveLength(2);
    expect(() => decodeUpdate(bytes, { layout: layoutOf(999) })).toThrow(CorruptUpdateError);
    expect(() => decodeUpdate(bytes, { layout: layoutOf(1) })).toThrow(CorruptUpdateError);
  });

  it("find every flipped bit and every truncation", () => {
    const random = new Random(SEED, 2);
    for (let round = 0; round < 12; round++) {
      const bytes = encode(randomUpdate(random));
      if (bytes.length > 400) continue;
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = bytes.slice();
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        const isVersion = bit >> 3 === 2;
        const error = isVersion ? UnsupportedFormatError : CorruptUpdateError;
        expect(() => readUpdateHeader(flipped)).toThrow(error);
        expect(() => decodeUpdate(flipped, { layout: FUZZ_LAYOUT })).toThrow(error);
      }
      for (let length = 0; length < bytes.length; length++) {
        const cut = bytes.subarray(0, length);
        expect(() => decodeUpdate(cut, { layout: FUZZ_LAYOUT })).toThrow(CorruptUpdateError);
      }
    }
  });

  it("survive 20,000 mutations, most with a right checksum: typed error or valid update", () => {
    const random = new Random(SEED);
    const corpus = fuzzCorpus(random, 64);
    const deployed = fuzzState();
    const fates = new Map<string, number>();
    for (let round = 0; round < 20_000; round++) {
      const outcome = fate(mutated(corpus, random), deployed);
      fates.set(outcome, (fates.get(outcome) ?? 0) + 1);
    }
    deployed.verify();
    expect(fates.get("accepted")).toBeGreaterThan(1_000);
    expect(fates.get("EF_UPDATE_CORRUPT")).toBeGreaterThan(1_000);
    const known = ["EF_FORMAT_UNSUPPORTED", "EF_SHAPE_MISMATCH", "EF_VALUE_RANGE"];
    expect([...fates.keys()]).toEqual(
      expect.arrayContaining([...known, "EF_UPDATE_CORRUPT", "accepted"]),
    );
  });

  it("use memory by the bytes that are there, not by the counts that they claim", () => {
    const layout = layoutOf(2 ** 30);
    const empty = encodeUpdate({ ...updateOf([], []), fromVersion: 0, toVersion: 1 }, { layout });
    // 2^30 entries in a few bytes, for values of every size.
    const head = empty.subarray(0, 4 + 2 + 32);
    for (const valueCode of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) {
      const claim = [0x80, 0x80, 0x80, 0x80, 0x04, 0xff, 0xff, 0xff, 0, 0, 0, 0];
      const bytes = Uint8Array.of(...head, ...claim);
      bytes[3] = valueCode;
      expect(() => decodeUpdate(withCrc(bytes), { layout })).toThrow(
        "1073741824 entries do not fit",
      );
    }
  });
});

describe("readUpdateHeader", () => {
  it("tells all but the entries, without the layout", () => {
    const random = new Random(SEED, 3);
    for (let round = 0; round < 100; round++) {
      const update = randomUpdate(random);
      expect(readUpdateHeader(encode(update))).toEqual({
        fromVersion: update.fromVersion,
        toVersion: update.toVersion,
        fingerprintBefore: update.fingerprintBefore,
        fingerprintAfter: update.fingerprintAfter,
        eventTimeMs: update.eventTimeMs,
        valueType: update.valueType,
        entries: update.indices.length,
        keyId: null,
      });
    }
  });
});

function encode(update: Update): Uint8Array {
  return encodeUpdate(update, { layout: FUZZ_LAYOUT });
}

function layoutOf(parameters: number, bufferLength = 0): StateLayout {
  return stateLayout([
    { name: "w", role: "parameter", dtype: "float32", shape: [parameters] },
    { name: "b", role: "buffer", dtype: "float32", shape: [bufferLength] },
  ]);
}

function updateOf(indices: readonly number[], values: readonly number[], fromVersion = 3): Update {
  return {
    fromVersion,
    toVersion: fromVersion + 1,
    fingerprintBefore: "00112233445566778899aabbccddeeff",
    fingerprintAfter: "ffeeddccbbaa99887766554433221100",
    eventTimeMs: null,
    valueType: "float32",
    indices: Uint32Array.from(indices),
    values: Float32Array.from(values, (value) => roundTo("float32", value)),
    buffers: [],
  };
}

/** The update with its numbers as bits, so that −0 and NaN count. */
function bitsOf({ values, scales, buffers, ...rest }: Update): unknown {
  const bytes = (data: ArrayBufferView): Uint8Array =>
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  return {
    ...rest,
    values: bytes(values),
    ...(scales === undefined ? {} : { scales: bytes(scales) }),
    buffers: buffers.map(({ tensor, data, adds }) => ({
      tensor,
      adds,
      kind: data.constructor.name,
      data: bytes(data),
    })),
  };
}
