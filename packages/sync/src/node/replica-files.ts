import { mkdir, open, readFile, rename } from "node:fs/promises";
import path from "node:path";

import { ReplicaStoreError } from "../errors.ts";
import type { ReplicaStore } from "../replica/replica-store.ts";
import { replicaStoreIn, type StoreFiles } from "../replica/store-files.ts";

/**
 * A replica's store in a directory, which is made when it is not there. One replica at a time may
 * use it.
 */
export function fileReplicaStore(directory: string): ReplicaStore {
  return replicaStoreIn(new DirectoryFiles(directory));
}

class DirectoryFiles implements StoreFiles {
  readonly where: string;

  constructor(directory: string) {
    this.where = directory;
  }

  async read(name: string): Promise<Uint8Array | null> {
    try {
      const bytes = await readFile(this.#path(name));
      return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    } catch (error) {
      if (codeOf(error) === "ENOENT") return null;
      throw this.#error(error);
    }
  }

  async replace(name: string, bytes: Uint8Array): Promise<void> {
    const temporary = `${this.#path(name)}.tmp`;
    try {
      await mkdir(this.where, { recursive: true });
      await write(temporary, "w", bytes, true);
      await rename(temporary, this.#path(name));
    } catch (error) {
      throw this.#error(error);
    }
  }

  async append(name: string, bytes: Uint8Array): Promise<void> {
    try {
      // Not forced to the disk: what a power failure takes, the feed has.
      await write(this.#path(name), "a", bytes, false);
    } catch (error) {
      throw this.#error(error);
    }
  }

  #path(name: string): string {
    return path.join(this.where, name);
  }

  #error(error: unknown): ReplicaStoreError {
    const reason = error instanceof Error ? error.message : String(error);
    return new ReplicaStoreError(this.where, reason, error);
  }
}

async function write(
  file: string,
  flags: "w" | "a",
  bytes: Uint8Array,
  isForced: boolean,
): Promise<void> {
  const handle = await open(file, flags);
  try {
    await handle.writeFile(bytes);
    if (isForced) await handle.sync();
  } finally {
    await handle.close();
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
