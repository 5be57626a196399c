/**
 * A replica's store in two files:
 *
 *   state     "ER" 01 │ u32 length │ manifest │ snapshot            replaced as one
 *   updates   name of the state │ u32 length │ update │ u32 ...        begun anew, then appended to
 *
 * A crash between the two writes of a save leaves the updates of another state behind, which may
 * even seem to lead on from this one when both logs began alike. So they name the state: by the
 * checksums that end its manifest and its snapshot.
 */
import { ByteReader } from "../codec/byte-reader.ts";
import { ByteWriter } from "../codec/byte-writer.ts";
import { ReplicaStoreError } from "../errors.ts";
import type { ReplicaStore, StoredReplica } from "./replica-store.ts";

/** A few small files, with the two ways to write them that survive a crash. */
export interface StoreFiles {
  /** Where they are, for messages. */
  readonly where: string;
  /** The content of a file; null when it is not there. */
  read(name: string): Promise<Uint8Array | null>;
  /** Replaces a file: after a crash it has the old content or the new, whole. */
  replace(name: string, bytes: Uint8Array): Promise<void>;
  /** Adds to a file, or makes it: after a crash any part of the end may be missing. */
  append(name: string, bytes: Uint8Array): Promise<void>;
}

const STATE = "replica-state.bin";
const UPDATES = "replica-updates.bin";
const MAGIC: Uint8Array = Uint8Array.of(0x45, 0x52, 1);
const HEAD_BYTES: number = MAGIC.length + 4;
const NAME_BYTES = 8;

/** A replica's store in files. */
export function replicaStoreIn(files: StoreFiles): ReplicaStore {
  const fail = (reason: string): ReplicaStoreError => new ReplicaStoreError(files.where, reason);
  return {
    async load(): Promise<StoredReplica | null> {
      const state = await files.read(STATE);
      if (state === null) return null;
      const reader = new ByteReader(state, fail);
      const magic = reader.raw(MAGIC.length);
      if (magic.some((byte, i) => byte !== MAGIC[i])) throw fail(`${STATE} is something else`);
      const manifest = reader.raw(u32At(reader.raw(4), 0));
      const snapshot = reader.raw(reader.remaining);
      return {
        manifest,
        snapshot,
        updates: recordsOf(await files.read(UPDATES), nameOf({ manifest, snapshot })),
      };
    },
    async save({ manifest, snapshot }): Promise<void> {
      const writer = new ByteWriter(HEAD_BYTES + manifest.length + snapshot.length);
      writer.raw(MAGIC);
      writer.u32(manifest.length);
      writer.raw(manifest);
      writer.raw(snapshot);
      const state = writer.bytes();
      await files.replace(STATE, state);
      await files.replace(UPDATES, nameOf({ manifest, snapshot }));
    },
    async append(updates): Promise<void> {
      const writer = new ByteWriter(updates.reduce((sum, bytes) => sum + bytes.length + 4, 0));
      for (const bytes of updates) {
        writer.u32(bytes.length);
        writer.raw(bytes);
      }
      await files.append(UPDATES, writer.bytes());
    },
  };
}

function nameOf({ manifest, snapshot }: Omit<StoredReplica, "updates">): Uint8Array {
  const name = new Uint8Array(NAME_BYTES);
  name.set(manifest.subarray(-4));
  name.set(snapshot.subarray(-4), 4);
  return name;
}

/** The whole records of this state; a part of one at the end is what a crash left. */
function recordsOf(bytes: Uint8Array | null, name: Uint8Array): readonly Uint8Array[] {
  const records: Uint8Array[] = [];
  if (bytes === null || name.some((byte, i) => byte !== bytes[i])) return records;
  for (let at = NAME_BYTES; at + 4 <= bytes.length;) {
    const end = at + 4 + u32At(bytes, at);
    if (end > bytes.length) break;
    records.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return records;
}

function u32At(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, true);
}
