import { closeSync, fsyncSync, openSync, renameSync, writeSync } from "node:fs";
import path from "node:path";

/**
 * Replaces a file as one step: a reader, or a start after a crash, sees the old content or the new
 * content, never a part of it. Synchronous, so that nothing else of this process comes between.
 */
export function writeAtomically(file: string, parts: readonly Uint8Array[]): void {
  const temporary = `${file}.${process.pid}.tmp`;
  const handle = openSync(temporary, "w");
  try {
    for (const part of parts) {
      for (let written = 0; written < part.byteLength;) {
        written += writeSync(handle, part, written);
      }
    }
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(temporary, file);
  syncDirectory(path.dirname(file));
}

/** Makes the rename itself durable, where the platform lets a directory be opened. */
function syncDirectory(directory: string): void {
  if (process.platform === "win32") return;
  const handle = openSync(directory, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
