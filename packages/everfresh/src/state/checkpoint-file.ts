/**
 * One file with the trainer's last checkpoint:
 *
 *   "EFCP" │ header length, u32 │ header, JSON │ deployed │ training state │ optimizer │ CRC-32, u32
 *
 * The header holds the small fields and the lengths of the three parts. Numbers are little-endian.
 */
import { existsSync, readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import type { CheckpointStore, TrainerCheckpoint } from "@everfresh/learn";
import { StateDirectoryError } from "../errors.ts";
import { writeAtomically } from "./write-atomically.ts";

const MAGIC = new TextEncoder().encode("EFCP");
const HEADER_AT = MAGIC.byteLength + 4;
const CRC_BYTES = 4;
const FORMAT = 1;

type SmallFields = Omit<TrainerCheckpoint, "deployed" | "training">;

interface Header extends SmallFields {
  readonly format: number;
  readonly lengths: readonly [deployed: number, state: number, optimizer: number];
}

/** Keeps the last checkpoint in `file`, replaced atomically. */
export function checkpointFile(file: string): CheckpointStore {
  return {
    save: async (checkpoint) => {
      await Promise.resolve();
      try {
        writeAtomically(file, encodeCheckpoint(checkpoint));
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new StateDirectoryError(`Checkpoint ${file} cannot be written: ${reason}`, cause);
      }
    },
    latest: () => Promise.resolve(existsSync(file) ? readCheckpoint(file) : null),
  };
}

function encodeCheckpoint(checkpoint: TrainerCheckpoint): readonly Uint8Array[] {
  const { deployed, training, ...fields } = checkpoint;
  const { state, optimizer } = training;
  const header: Header = {
    ...fields,
    format: FORMAT,
    lengths: [deployed.byteLength, state.byteLength, optimizer.byteLength],
  };
  const headerBytes = new TextEncoder().encode(JSON.stringify(header));
  const parts = [MAGIC, u32(headerBytes.byteLength), headerBytes, deployed, state, optimizer];
  const checksum = parts.reduce((sum, part) => crc32(part, sum), 0);
  return [...parts, u32(checksum)];
}

function readCheckpoint(file: string): TrainerCheckpoint {
  const damaged = (why: string, cause?: unknown): StateDirectoryError =>
    new StateDirectoryError(
      `Checkpoint ${file} is damaged (${why}); restore it or choose another directory with --state DIR`,
      cause,
    );
  const bytes = readFileSync(file);
  if (bytes.byteLength < HEADER_AT + CRC_BYTES || !bytes.subarray(0, 4).equals(MAGIC)) {
    throw damaged("it does not start as a checkpoint does");
  }
  const end = bytes.byteLength - CRC_BYTES;
  if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32LE(end)) throw damaged("wrong checksum");
  const partsAt = HEADER_AT + bytes.readUInt32LE(MAGIC.byteLength);
  // The checksum vouches for the rest: these are the bytes that were written.
  const header = JSON.parse(bytes.toString("utf8", HEADER_AT, partsAt)) as Header;
  const { format, lengths, ...fields } = header;
  if (format !== FORMAT) throw damaged(`format ${format}`);
  let at = partsAt;
  const take = (length: number): Uint8Array => Uint8Array.from(bytes.subarray(at, (at += length)));
  const [deployed, state, optimizer] = lengths;
  return {
    ...fields,
    deployed: take(deployed),
    training: { state: take(state), optimizer: take(optimizer) },
  };
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
