/**
 * One file with the retraining that runs:
 *
 *   "EFRT" │ plain data │ CRC-32, u32
 *
 * The CRC-32 is little-endian, and of the plain data.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { crc32 } from "node:zlib";
import {
  decodePlainData,
  encodePlainData,
  type RetrainingCheckpoint,
  type RetrainingStore,
} from "@everfresh/learn";
import { StateDirectoryError } from "../errors.ts";
import { writeAtomically } from "./write-atomically.ts";

const MAGIC = new TextEncoder().encode("EFRT");
const CRC_BYTES = 4;

/** Keeps the retraining that runs in `file`, replaced atomically; the file is there while one runs. */
export function retrainingFile(file: string): RetrainingStore {
  // The methods are async so that their errors arrive as rejections, as from any other store.
  /* eslint-disable @typescript-eslint/require-await */
  return {
    save: async (checkpoint) => {
      const data = encodePlainData(checkpoint);
      const checksum = Buffer.alloc(CRC_BYTES);
      checksum.writeUInt32LE(crc32(data));
      try {
        writeAtomically(file, [MAGIC, data, checksum]);
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new StateDirectoryError(`Retraining ${file} cannot be written: ${reason}`, cause);
      }
    },
    latest: async () => (existsSync(file) ? readRetraining(file) : null),
    forgetTo: async (step) => {
      if (existsSync(file) && (readRetraining(file)?.step ?? 0) <= step) rmSync(file);
    },
  };
}

function readRetraining(file: string): RetrainingCheckpoint | null {
  const bytes = readFileSync(file);
  const end = bytes.byteLength - CRC_BYTES;
  if (end < MAGIC.byteLength || !bytes.subarray(0, MAGIC.byteLength).equals(MAGIC)) return null;
  const data = new Uint8Array(bytes).subarray(MAGIC.byteLength, end);
  if (crc32(data) !== bytes.readUInt32LE(end)) return null;
  // The checksum vouches for the rest: these are the bytes that were written.
  return decodePlainData(data) as RetrainingCheckpoint;
}
