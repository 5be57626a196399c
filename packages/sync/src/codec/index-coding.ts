import type { ByteReader, Failure } from "./byte-reader.ts";
import { type ByteWriter, varintBytes } from "./byte-writer.ts";
import { bestRice, readRice, RICE_PARAMETER_MAX, writeRice } from "./rice.ts";

/** How the ascending indices of an update travel. */
type IndexCoding = "rice" | "varint" | "run";

interface CodingRule {
  /** The code in the update's flags. */
  readonly code: number;
  /**
   * Bytes that it takes for these indices (at least one), or `Infinity` when it cannot hold them.
   */
  bytes(indices: Uint32Array): number;
  write(writer: ByteWriter, indices: Uint32Array): void;
  /** Reads `count` (≥ 1) ascending indices below `limit`. */
  read(reader: ByteReader, fail: Failure, count: number, limit: number): Uint32Array;
}

const CODINGS: { readonly [C in IndexCoding]: CodingRule } = {
  // The parameter, then Rice codes of the gaps: best for scattered indices.
  rice: {
    code: 0,
    bytes: (indices) => 1 + bestRice(indices).bytes,
    write: (writer, indices) => {
      const { parameter } = bestRice(indices);
      writer.u8(parameter);
      writeRice(writer, indices, parameter);
    },
    read: (reader, fail, count, limit) => {
      const parameter = reader.u8();
      if (parameter > RICE_PARAMETER_MAX) throw fail(`Rice parameter ${parameter} is above 31`);
      return readRice(reader, fail, { count, parameter, limit });
    },
  },
  // Each gap as a varint: best for tight clusters that lie far apart.
  varint: {
    code: 1,
    bytes: (indices) => {
      let bytes = 0;
      for (let i = 0; i < indices.length; i++) bytes += varintBytes(gapAt(indices, i));
      return bytes;
    },
    write: (writer, indices) => {
      for (let i = 0; i < indices.length; i++) writer.varint(gapAt(indices, i));
    },
    read: (reader, fail, count, limit) => {
      const indices = new Uint32Array(count);
      let previous = -1;
      for (let i = 0; i < count; i++) {
        previous += reader.varint(limit, "index gap") + 1;
        if (previous >= limit) throw fail(`index ${previous} is not below ${limit}`);
        indices[i] = previous;
      }
      return indices;
    },
  },
  // Only the first index: the others follow without gaps, as in a dense update.
  run: {
    code: 2,
    bytes: (indices) => {
      const first = indices[0] ?? 0;
      const last = indices[indices.length - 1] ?? 0;
      return last - first === indices.length - 1 ? varintBytes(first) : Infinity;
    },
    write: (writer, indices) => writer.varint(indices[0] ?? 0),
    read: (reader, fail, count, limit) => {
      const first = reader.varint(limit, "first index");
      if (first + count > limit) throw fail(`index ${first + count - 1} is not below ${limit}`);
      return Uint32Array.from({ length: count }, (_, i) => first + i);
    },
  },
};

const CODING_NAMES = ["rice", "varint", "run"] as const satisfies readonly IndexCoding[];

/** The coding that takes the fewest bytes for these indices; for none it is "rice". */
export function smallestCoding(indices: Uint32Array): IndexCoding {
  let best: IndexCoding = "rice";
  if (indices.length === 0) return best;
  let bestBytes = Infinity;
  for (const coding of CODING_NAMES) {
    const bytes = CODINGS[coding].bytes(indices);
    if (bytes < bestBytes) {
      best = coding;
      bestBytes = bytes;
    }
  }
  return best;
}

/** The code of a coding in the update's flags. */
export function codeOfCoding(coding: IndexCoding): number {
  return CODINGS[coding].code;
}

/** The coding of a code, if there is one. */
export function codingOfCode(code: number): IndexCoding | undefined {
  return CODING_NAMES.find((coding) => CODINGS[coding].code === code);
}

/** Writes ascending indices; for none it writes nothing. */
export function writeIndices(writer: ByteWriter, indices: Uint32Array, coding: IndexCoding): void {
  if (indices.length > 0) CODINGS[coding].write(writer, indices);
}

/**
 * Reads `count` ascending indices below `limit`; the caller has bounded `count` by the bytes
 * there.
 */
export function readIndices(
  reader: ByteReader,
  fail: Failure,
  { coding, count, limit }: { coding: IndexCoding; count: number; limit: number },
): Uint32Array {
  if (count > 0) return CODINGS[coding].read(reader, fail, count, limit);
  if (coding !== "rice") throw fail("an update without entries names an index coding");
  return new Uint32Array(0);
}

function gapAt(indices: Uint32Array, i: number): number {
  return (indices[i] ?? 0) - (i === 0 ? -1 : (indices[i - 1] ?? 0)) - 1;
}
