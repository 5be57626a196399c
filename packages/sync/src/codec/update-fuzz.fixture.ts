/** Random updates of every kind, and bytes that almost are updates; for tests and `bench fuzz`. */
import {
  type BufferChange,
  createState,
  crc32,
  DeployedState,
  entryRuns,
  EverfreshError,
  INT8_BLOCK,
  isAbsolute,
  type Random,
  roundTo,
  roundToBfloat16,
  stateLayout,
  type StateLayout,
  type Update,
  type ValueType,
} from "@everfresh/core";

import { decodeUpdate, encodeUpdate } from "./update-codec.ts";

/** Tensors of several sizes, one of them empty, and a buffer of each dtype. */
export const FUZZ_LAYOUT: StateLayout = stateLayout([
  { name: "a.weight", role: "parameter", dtype: "float32", shape: [6, 25] },
  { name: "a.bias", role: "parameter", dtype: "float32", shape: [6] },
  { name: "empty", role: "parameter", dtype: "float32", shape: [0, 3] },
  { name: "b.weight", role: "parameter", dtype: "float32", shape: [40, 40] },
  { name: "b.bias", role: "parameter", dtype: "float32", shape: [10] },
  { name: "mean", role: "buffer", dtype: "float32", shape: [6] },
  { name: "steps", role: "buffer", dtype: "int64", shape: [] },
  { name: "table", role: "buffer", dtype: "int32", shape: [5] },
  { name: "mask", role: "buffer", dtype: "uint8", shape: [9] },
]);

/** All value types. */
export const VALUE_TYPES: readonly ValueType[] = [
  "float32",
  "float16",
  "bfloat16",
  "float32Xor",
  "int8",
  "sign",
];

/** `count` different indices below `limit`, ascending. */
export function drawIndices(random: Random, limit: number, count: number): Uint32Array {
  const chosen = new Set<number>();
  while (chosen.size < count) chosen.add(random.below(limit));
  return Uint32Array.from(chosen).sort();
}

/** Indices in one of several patterns: scattered, runs, clusters, whole tensors, all but a few. */
export function randomIndices(random: Random, layout: StateLayout): Uint32Array {
  const { parameterCount, tensors } = layout;
  const kind = random.below(6);
  if (kind === 0) return drawIndices(random, parameterCount, random.below(40));
  const chosen = new Set<number>();
  if (kind === 1) {
    for (let runs = random.below(6); runs > 0; runs--) {
      addRange(chosen, random.below(parameterCount), 1 + random.below(50), parameterCount);
    }
  } else if (kind === 2) {
    for (let clusters = 1 + random.below(3); clusters > 0; clusters--) {
      const centre = random.below(parameterCount);
      for (let i = random.below(40); i > 0; i--) {
        chosen.add(Math.min(parameterCount - 1, centre + random.below(60)));
      }
    }
  } else if (kind === 3) {
    for (const { role, wordOffset, length } of tensors) {
      if (role === "parameter" && random.below(2) === 0) {
        addRange(chosen, wordOffset, length, parameterCount);
      }
    }
  } else {
    addRange(chosen, 0, parameterCount, parameterCount);
    const gone = kind === 4 ? random.below(30) : random.below(parameterCount);
    for (const index of drawIndices(random, parameterCount, gone)) chosen.delete(index);
  }
  return Uint32Array.from(chosen).sort();
}

function addRange(chosen: Set<number>, from: number, length: number, limit: number): void {
  for (let i = from; i < Math.min(limit, from + length); i++) chosen.add(i);
}

/** Values of a type that an update with these indices can carry, with their scales. */
export function randomValues(
  random: Random,
  valueType: ValueType,
  layout: StateLayout,
  indices: Uint32Array,
): Pick<Update, "valueType" | "values" | "scales"> {
  const values = new Float32Array(indices.length);
  if (isAbsolute(valueType)) {
    // Half of the float32 updates have fewer bits than they could have.
    const type = valueType === "float32" && random.below(2) === 0 ? "float16" : valueType;
    values.forEach((_, i) => (values[i] = roundTo(type, random.normal(0, 3))));
    return { valueType, values };
  }
  if (valueType === "float32Xor") {
    const words = new Uint32Array(values.buffer);
    const bits = random.below(33);
    words.forEach((_, i) => (words[i] = bits === 0 ? 0 : random.uint32() >>> (32 - bits)));
    return { valueType, values };
  }
  const scaleOf = (): number => {
    const scale = Math.fround(1e-3 + random.float());
    return random.below(2) === 0 ? roundToBfloat16(scale) : scale;
  };
  if (valueType === "int8") {
    const count = Math.ceil(values.length / INT8_BLOCK);
    const scales = Float32Array.from({ length: count }, scaleOf);
    if (count > 0 && random.below(4) === 0) scales[0] = 0;
    values.forEach((_, i) => {
      values[i] = (scales[Math.floor(i / INT8_BLOCK)] ?? 0) * random.below(128);
      if (values[i] !== 0 && random.below(2) === 0) values[i] = -(values[i] ?? 0);
    });
    return { valueType, values, scales };
  }
  const runs = entryRuns(layout, indices);
  const scales = Float32Array.from(runs, scaleOf);
  for (const [at, { from, to }] of runs.entries()) {
    for (let i = from; i < to; i++) {
      values[i] = random.below(2) === 0 ? (scales[at] ?? 0) : -(scales[at] ?? 0);
    }
  }
  return { valueType, values, scales };
}

/** An update of any kind; its fingerprints are random. */
export function randomUpdate(random: Random, layout: StateLayout = FUZZ_LAYOUT): Update {
  const indices = randomIndices(random, layout);
  const valueType = VALUE_TYPES[random.below(VALUE_TYPES.length)] ?? "float32";
  const fromVersion = random.below(2) === 0 ? random.below(1_000) : random.below(2 ** 32) * 2 ** 20;
  return {
    fromVersion,
    toVersion: fromVersion + 1 + (random.below(3) === 0 ? random.below(1_000) : 0),
    fingerprintBefore: randomFingerprint(random),
    fingerprintAfter: randomFingerprint(random),
    eventTimeMs: random.below(3) === 0 ? null : random.below(2 ** 32) * (1 + random.below(2 ** 20)),
    ...randomValues(random, valueType, layout, indices),
    indices,
    buffers: layout.tensors.flatMap((entry, tensor) =>
      entry.role === "buffer" && random.below(4) === 0
        ? [randomBuffer(random, tensor, entry.dtype, entry.length)]
        : [],
    ),
  };
}

function randomBuffer(random: Random, tensor: number, dtype: string, length: number): BufferChange {
  const words = Uint32Array.from({ length: length * 2 }, () => random.uint32());
  if (dtype === "float32") {
    const data = new Float32Array(words.buffer, 0, length);
    const kind = random.below(4);
    if (kind === 0) words.forEach((word, i) => (words[i] = word & 0xffff0000));
    const unit = 2 ** (random.below(60) - 40);
    if (kind === 1) data.forEach((_, i) => (data[i] = (random.below(2_001) - 1_000) * unit));
    return random.below(2) === 0 ? { tensor, data } : { tensor, data, adds: true };
  }
  if (dtype === "int32") return { tensor, data: new Int32Array(words.buffer, 0, length) };
  if (dtype === "int64") return { tensor, data: new BigInt64Array(words.buffer, 0, length) };
  return { tensor, data: new Uint8Array(words.buffer, 0, length) };
}

function randomFingerprint(random: Random): string {
  const lanes = Array.from({ length: 4 }, () => random.uint32().toString(16).padStart(8, "0"));
  return lanes.join("");
}

/** Encoded updates of every kind, some as if they were signed. */
export function fuzzCorpus(random: Random, count: number): readonly Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const bytes = encodeUpdate(randomUpdate(random), { layout: FUZZ_LAYOUT });
    return i % 8 === 0 ? asIfSigned(bytes, random) : bytes;
  });
}

function asIfSigned(bytes: Uint8Array, random: Random): Uint8Array {
  const signature = Array.from({ length: 68 }, () => random.below(256));
  const signed = Uint8Array.of(...bytes.subarray(0, -4), ...signature, 0, 0, 0, 0);
  signed[3] = (signed[3] ?? 0) | 64;
  return withCrc(signed);
}

/** One to three changes of bytes, length or place; then, mostly, a checksum that fits. */
export function mutated(corpus: readonly Uint8Array[], random: Random): Uint8Array {
  const pick = (): Uint8Array => corpus[random.below(corpus.length)] ?? new Uint8Array(8);
  let bytes = pick().slice();
  if (random.below(20) === 0) {
    // A valid head, then anything.
    const head = Math.min(bytes.length, 4 + random.below(60));
    const rest = Array.from({ length: random.below(200) }, () => random.below(256));
    bytes = Uint8Array.of(...bytes.subarray(0, head), ...rest, 0, 0, 0, 0);
  }
  for (let times = 1 + random.below(3); times > 0; times--) {
    const at = random.below(bytes.length);
    const kind = random.below(7);
    if (kind === 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
    else if (kind === 1) bytes[at] = random.below(256);
    else if (kind === 2) bytes[at] = [0, 127, 128, 255][random.below(4)] ?? 0;
    else if (kind === 3) bytes = bytes.slice(0, Math.max(8, at));
    else if (kind === 4) bytes = joined(bytes.subarray(0, at), bytes.subarray(at >> 1));
    else if (kind === 5) bytes = joined(bytes.subarray(0, at), bytes.subarray(at + 1));
    else bytes = joined(bytes.subarray(0, at), pick().subarray(at));
    if (bytes.length < 8) bytes = joined(bytes, new Uint8Array(8));
  }
  return random.below(10) === 0 ? bytes : withCrc(bytes);
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** Writes the checksum that fits into the last four bytes. */
export function withCrc<T extends Uint8Array>(bytes: T): T {
  const end = bytes.length - 4;
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(end, crc32(bytes.subarray(0, end)), true);
  return bytes;
}

/** A state of zeros that fuzzed updates are applied to. */
export function fuzzState(): DeployedState {
  return new DeployedState(createState(FUZZ_LAYOUT), 0);
}

/**
 * What becomes of bytes: `"accepted"` when they are an update that has one encoding and leaves the
 * state valid, the code of the typed error otherwise.
 * @throws whatever is not a typed error, or an accepted update that is not valid
 */
export function fate(bytes: Uint8Array, deployed: DeployedState): string {
  let update: Update;
  try {
    update = decodeUpdate(bytes, { layout: FUZZ_LAYOUT });
  } catch (error) {
    return codeOf(error);
  }
  const encoded = encodeUpdate(update, { layout: FUZZ_LAYOUT });
  const again = encodeUpdate(decodeUpdate(encoded, { layout: FUZZ_LAYOUT }), {
    layout: FUZZ_LAYOUT,
  });
  if (!isSame(encoded, again)) throw new Error("an accepted update has two encodings");
  try {
    deployed.apply(deployed.updateFor(update));
  } catch (error) {
    return codeOf(error);
  }
  for (const index of update.indices) {
    if (!Number.isFinite(deployed.state.parameters[index])) {
      throw new Error(`parameter ${index} is not finite after an accepted update`);
    }
  }
  return "accepted";
}

function codeOf(error: unknown): string {
  if (error instanceof EverfreshError) return error.code;
  throw error;
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
