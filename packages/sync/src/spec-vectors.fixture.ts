/** What the test vectors of SPEC.md stand for. */
import { stateLayout, type StateLayout, type Update } from "@everfresh/core";

const FINGERPRINT_A = "000102030405060708090a0b0c0d0e0f";
/** The fingerprint that the vectors lead to. */
export const FINGERPRINT_B = "f0e0d0c0b0a090807060504030201000";

/** The state of section 2.6. */
export const VECTOR_LAYOUT: StateLayout = stateLayout([
  { name: "a", role: "parameter", dtype: "float32", shape: [4, 5] },
  { name: "b", role: "parameter", dtype: "float32", shape: [3] },
  { name: "c", role: "parameter", dtype: "float32", shape: [1000] },
  { name: "d", role: "buffer", dtype: "int32", shape: [2] },
  { name: "e", role: "buffer", dtype: "float32", shape: [3] },
]);

const FRAME = {
  fromVersion: 299,
  toVersion: 300,
  fingerprintBefore: FINGERPRINT_A,
  fingerprintAfter: FINGERPRINT_B,
  eventTimeMs: null,
  buffers: [],
} as const;

/** All of tensor `b`, and a few of `c`. */
const IN_SECTIONS = Uint32Array.of(20, 21, 22, 100, 300, 500, 700, 900, 1001);

/** Updates by the title of their vector. */
export const VECTOR_UPDATES: Readonly<Record<string, Update>> = {
  "update, scattered": {
    ...FRAME,
    eventTimeMs: 1_790_000_000_000,
    valueType: "float16",
    indices: Uint32Array.of(3, 300, 301, 700),
    values: Float32Array.of(1, -2, 0.5, 65_504),
  },
  "update, with a buffer": {
    ...FRAME,
    valueType: "float32",
    indices: Uint32Array.of(8, 9),
    values: Float32Array.of(1, -2.000000238418579),
    buffers: [{ tensor: 3, data: Int32Array.of(7, -1) }],
  },
  "update, with a buffer in two bytes": {
    ...FRAME,
    valueType: "float32",
    indices: Uint32Array.of(8, 9),
    values: Float32Array.of(1, -2.000000238418579),
    buffers: [{ tensor: 4, data: Float32Array.of(0.5, -3, 65_536) }],
  },
  "update, with a buffer of multiples": {
    ...FRAME,
    valueType: "float32",
    indices: Uint32Array.of(8, 9),
    values: Float32Array.of(1, -2.000000238418579),
    buffers: [{ tensor: 4, data: Float32Array.of(1.25, 1.5, 0.875) }],
  },
  "update, that adds to a buffer": {
    ...FRAME,
    valueType: "float32",
    indices: Uint32Array.of(8, 9),
    values: Float32Array.of(1, -2.000000238418579),
    buffers: [{ tensor: 4, data: Float32Array.of(0, -0.125, 0.25), adds: true }],
  },
  "update, float32 in two bytes": {
    ...FRAME,
    valueType: "float32",
    indices: Uint32Array.of(8, 9),
    values: Float32Array.of(1, -65_536),
  },
  "update, xor words": {
    ...FRAME,
    valueType: "float32Xor",
    indices: Uint32Array.of(0, 1, 2, 3),
    values: new Float32Array(Uint32Array.of(0x1234, 0xfff, 0, 0x2b).buffer),
  },
  "update, int8": {
    ...FRAME,
    valueType: "int8",
    indices: IN_SECTIONS,
    values: Float32Array.of(0.5, -63.5, 0, 1, 1.5, -1, -1.5, 2, -2),
    scales: Float32Array.of(0.5),
  },
  "update, signs": {
    ...FRAME,
    valueType: "sign",
    indices: IN_SECTIONS,
    values: Float32Array.of(0.5, -0.5, -0.5, 2, 2, -2, 2, -2, -2),
    scales: Float32Array.of(0.5, 2),
  },
  "update, all of the first tensor but one": {
    ...FRAME,
    valueType: "bfloat16",
    indices: Uint32Array.from({ length: 19 }, (_, i) => (i < 7 ? i : i + 1)),
    values: new Float32Array(19).fill(3),
  },
  "update, nothing": {
    ...FRAME,
    valueType: "float16",
    indices: new Uint32Array(0),
    values: new Float32Array(0),
  },
};
