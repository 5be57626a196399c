/**
 * One file with the trainer's last checkpoint:
 *
 *   "EFCP" │ header length, u32 │ header, JSON │ fields │ deployed │ state │ optimizer │ CRC-32, u32
 *
 * The header holds the lengths of the four parts; the fields are plain data with everything that is
 * small. Numbers are little-endian. In format 1 the header itself held the fields, and there were three
 * parts; such files, and those of format 2, are read, and a run goes on from them.
 */
import { existsSync, readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import {
  type CheckpointStore,
  decodePlainData,
  encodePlainData,
  type TrainerCheckpoint,
} from "@everfresh/learn";
import { StateDirectoryError } from "../errors.ts";
import { type FirstFields, fromFirstFields } from "./first-checkpoint.ts";
import { writeAtomically } from "./write-atomically.ts";

const MAGIC = new TextEncoder().encode("EFCP");
const HEADER_AT = MAGIC.byteLength + 4;
const CRC_BYTES = 4;
const FORMAT = 3;
/** The same, but for how its plain data has long arrays of numbers: what reads one reads both. */
const SECOND_FORMAT = 2;

type SmallFields = Omit<TrainerCheckpoint, "deployed" | "training">;

interface Header {
  readonly format: typeof FORMAT | typeof SECOND_FORMAT;
  readonly lengths: readonly [fields: number, deployed: number, state: number, optimizer: number];
}

/** The header of format 1. */
interface FirstHeader extends FirstFields {
  readonly format: 1;
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
  const { deployed, training, ...small } = checkpoint;
  const { state, optimizer } = training;
  const fields = encodePlainData(small);
  const header: Header = {
    format: FORMAT,
    lengths: [fields.byteLength, deployed.byteLength, state.byteLength, optimizer.byteLength],
  };
  const headerBytes = new TextEncoder().encode(JSON.stringify(header));
  const parts = [
    ...[MAGIC, u32(headerBytes.byteLength), headerBytes],
    ...[fields, deployed, state, optimizer],
  ];
  const checksum = parts.reduce((sum, part) => crc32(part, sum), 0);
  return [...parts, u32(checksum)];
}

function readCheckpoint(file: string): TrainerCheckpoint {
  const damaged = (why: string): StateDirectoryError =>
    new StateDirectoryError(
      `Checkpoint ${file} is damaged (${why}); restore it or choose another directory with --state DIR`,
    );
  const bytes = readFileSync(file);
  if (bytes.byteLength < HEADER_AT + CRC_BYTES || !bytes.subarray(0, 4).equals(MAGIC)) {
    throw damaged("it does not start as a checkpoint does");
  }
  const end = bytes.byteLength - CRC_BYTES;
  if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32LE(end)) throw damaged("wrong checksum");
  let at = HEADER_AT + bytes.readUInt32LE(MAGIC.byteLength);
  const take = (length: number): Uint8Array => Uint8Array.from(bytes.subarray(at, (at += length)));
  // The checksum vouches for the rest: these are the bytes that were written.
  const header = JSON.parse(bytes.toString("utf8", HEADER_AT, at)) as Header | FirstHeader;
  switch (header.format) {
    case 1: {
      return { ...fromFirstFields(header), ...takeStates(header.lengths) };
    }
    case SECOND_FORMAT:
    case FORMAT: {
      const [fields, ...lengths] = header.lengths;
      return { ...(decodePlainData(take(fields)) as SmallFields), ...takeStates(lengths) };
    }
    default:
      throw damaged(`format ${String((header as { format: unknown }).format)}`);
  }

  function takeStates([deployed, state, optimizer]: FirstHeader["lengths"]): Pick<
    TrainerCheckpoint,
    "deployed" | "training"
  > {
    return {
      deployed: take(deployed),
      training: { state: take(state), optimizer: take(optimizer) },
    };
  }
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
