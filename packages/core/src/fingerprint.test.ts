import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  accumulateTensor,
  accumulateWords,
  fingerprintOf,
  type FingerprintLanes,
  formatFingerprint,
  parseFingerprint,
} from "./fingerprint.ts";
import { Random } from "./random.ts";
import {
  createState,
  type ModelState,
  stateLayout,
  type StateTensorSpec,
  tensorOf,
} from "./state.ts";

const SPECS: readonly StateTensorSpec[] = [
  { name: "weight", role: "parameter", dtype: "float32", shape: [5, 4] },
  { name: "bias", role: "parameter", dtype: "float32", shape: [4] },
  { name: "mean", role: "buffer", dtype: "float32", shape: [3] },
  { name: "steps", role: "buffer", dtype: "int64", shape: [2] },
  { name: "mask", role: "buffer", dtype: "bool", shape: [5] },
  { name: "ids", role: "buffer", dtype: "int32", shape: [3] },
];
const LAYOUT = stateLayout(SPECS);
const PARAMETERS = LAYOUT.parameterCount;

describe("a fingerprint", () => {
  it("stays the same for the same state, on any memory", () => {
    const state = filled(1);
    const shared = createState(LAYOUT, { shared: true });
    new Uint8Array(shared.buffer).set(new Uint8Array(state.buffer));
    expect(fingerprintOf(shared)).toBe(fingerprintOf(state));
  });

  it("is a golden value: stored logs depend on it", () => {
    expect(fingerprintOf(filled(1))).toBe("cf6c655191b731e051dfeb92b5610c3e");
    expect(fingerprintOf(createState(stateLayout([])))).toBe("bf4175814ecfe2cae2e34d44015ce884");
  });

  it("follows random updates as if it were computed anew", () => {
    const words = fc.integer({ min: 0, max: 0xffffffff });
    const changes = fc.array(fc.tuple(fc.nat({ max: PARAMETERS - 1 }), words), { maxLength: 30 });
    fc.assert(
      fc.property(fc.nat(), changes, (seed, list) => {
        const state = filled(seed);
        const lanes = parseFingerprint(fingerprintOf(state));
        const bits = new Uint32Array(state.buffer);
        for (const [index, value] of list) {
          accumulateWords(lanes, Uint32Array.of(index), Uint32Array.of(bits[index]!), -1);
          bits[index] = value;
          accumulateWords(lanes, Uint32Array.of(index), Uint32Array.of(value), 1);
        }
        expect(formatFingerprint(lanes)).toBe(fingerprintOf(state));
      }),
    );
  });

  it("follows a whole tensor of any dtype taken out and put back", () => {
    for (const entry of LAYOUT.tensors) {
      const state = filled(2);
      const lanes = parseFingerprint(fingerprintOf(state));
      accumulateTensor(lanes, state, entry, -1);
      new Uint8Array(state.buffer, entry.byteOffset, 3).fill(200);
      accumulateTensor(lanes, state, entry, 1);
      expect(formatFingerprint(lanes)).toBe(fingerprintOf(state));
    }
  });

  it("changes with every single bit of every tensor", () => {
    const state = filled(3);
    const bytes = new Uint8Array(state.buffer);
    const seen = new Set([fingerprintOf(state)]);
    let flips = 0;
    for (const { byteOffset, length, dtype } of LAYOUT.tensors) {
      const size = length * { float32: 4, int32: 4, int64: 8, uint8: 1, bool: 1 }[dtype];
      for (let bit = 0; bit < size * 8; bit++) {
        const at = byteOffset + (bit >>> 3);
        bytes[at]! ^= 1 << (bit & 7);
        seen.add(fingerprintOf(state));
        bytes[at]! ^= 1 << (bit & 7);
        flips++;
      }
    }
    expect(seen.size).toBe(flips + 1);
  });

  it("tells −0 from +0 and one NaN from another", () => {
    const patterns = [0x00000000, 0x80000000, 0x7fc00000, 0x7fc00001, 0xffc00000, 0x7f800001];
    const prints = patterns.map((pattern) => {
      const state = createState(LAYOUT);
      new Uint32Array(state.buffer)[6] = pattern;
      return fingerprintOf(state);
    });
    expect(new Set(prints).size).toBe(patterns.length);
  });

  it("tells the two halves of a 64-bit number apart", () => {
    const prints = [0n, 1n, 1n << 32n, -1n, (1n << 32n) + 1n].map((value) => {
      const state = createState(LAYOUT);
      (tensorOf(state, "steps").data as BigInt64Array)[0] = value;
      return fingerprintOf(state);
    });
    expect(new Set(prints).size).toBe(5);
  });

  it("depends on names, roles, dtypes, shapes and order, even with no values set", () => {
    const base: StateTensorSpec = { name: "a", role: "buffer", dtype: "float32", shape: [2, 3] };
    const other: StateTensorSpec = { ...base, name: "b" };
    const layouts: readonly (readonly StateTensorSpec[])[] = [
      [base, other],
      [other, base],
      [base],
      [other],
      [{ ...base, role: "parameter" }],
      [{ ...base, dtype: "int32" }],
      [{ ...base, shape: [3, 2] }],
      [{ ...base, shape: [6] }],
      [{ ...base, shape: [1, 2, 3] }],
      [],
    ];
    const prints = layouts.map((specs) => fingerprintOf(createState(stateLayout(specs))));
    expect(new Set(prints).size).toBe(layouts.length);
  });

  it("is read back from its hexadecimal digits, and from nothing else", () => {
    const lanes = Uint32Array.of(0, 1, 0xffffffff, 0x0badcafe);
    expect(formatFingerprint(lanes)).toBe("0000000000000001ffffffff0badcafe");
    expect(parseFingerprint(formatFingerprint(lanes))).toEqual(lanes);
    for (const bad of ["", "0".repeat(31), "0".repeat(33), "G".repeat(32), "A".repeat(32)]) {
      expect(() => parseFingerprint(bad)).toThrow(TypeError);
    }
  });
});

describe("the lanes of a fingerprint", () => {
  const CHANGES = 200_000;

  // How a sum of terms could be blind: each kind of change must move every lane, always and widely.
  const kinds: Record<string, (change: Change, random: Random) => void> = {
    "one value by another": (change, random) => {
      const index = random.below(60_000);
      change(index, weightBits(random), weightBits(random));
    },
    "one bit": (change, random) => {
      const bits = weightBits(random);
      change(random.below(60_000), bits, (bits ^ (1 << random.below(32))) >>> 0);
    },
    "two swapped values": (change, random) => {
      const [a, b] = [weightBits(random), weightBits(random)];
      const [i, j] = twoIndices(random);
      change(i, a, b);
      change(j, b, a);
    },
    "a value moved to a zero": (change, random) => {
      const bits = weightBits(random);
      const [i, j] = twoIndices(random);
      change(i, bits, 0);
      change(j, 0, bits);
    },
    "the signs of two values": (change, random) => {
      for (const index of twoIndices(random)) {
        const bits = weightBits(random);
        change(index, bits, (bits ^ 0x80000000) >>> 0);
      }
    },
  };

  it.each(Object.keys(kinds))("all notice %s, each in its own way", (kind) => {
    const random = new Random(21);
    const samples = [0, 1, 2, 3].map(() => new Uint32Array(CHANGES));
    for (let n = 0; n < CHANGES; n++) {
      const lanes = new Uint32Array(4);
      kinds[kind]!((index, from, to) => {
        accumulateWords(lanes, Uint32Array.of(index), Uint32Array.of(from), -1);
        accumulateWords(lanes, Uint32Array.of(index), Uint32Array.of(to), 1);
      }, random);
      lanes.forEach((lane, i) => (samples[i]![n] = lane));
    }
    for (const [i, lane] of samples.entries()) {
      expect(lane.includes(0)).toBe(false);
      // 200,000 draws from 2³² meet about 4.7 times; a nearly linear mix meets tens of thousands.
      expect(CHANGES - new Set(lane).size).toBeLessThan(200);
      for (const other of samples.slice(i + 1)) expect(agreement(lane, other)).toBeLessThan(0.02);
    }
  });
});

type Change = (index: number, fromBits: number, toBits: number) => void;

function filled(seed: number): ModelState {
  const random = new Random(seed);
  const state = createState(LAYOUT);
  const bytes = new Uint8Array(state.buffer);
  for (let i = 0; i < bytes.length; i++) bytes[i] = random.below(256);
  return state;
}

const float = new Float32Array(1);
const floatBits = new Uint32Array(float.buffer);

function weightBits(random: Random): number {
  float[0] = random.uniform(-0.1, 0.1);
  return floatBits[0]!;
}

function twoIndices(random: Random): readonly [number, number] {
  const i = random.below(60_000);
  return [i, (i + 1 + random.below(1000)) % 60_000];
}

/** How far two lanes agree beyond chance in any of their bits: 0 for independent, 1 for equal. */
function agreement(one: FingerprintLanes, other: FingerprintLanes): number {
  const equal = new Array<number>(32).fill(0);
  one.forEach((lane, n) => {
    const same = ~(lane ^ other[n]!);
    for (let bit = 0; bit < 32; bit++) equal[bit]! += (same >>> bit) & 1;
  });
  return Math.max(...equal.map((count) => Math.abs((2 * count) / one.length - 1)));
}
