import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import path from "node:path";

/**
 * Replaces a file as one step: a reader, or a start after a crash, sees the old content or the new
 * content, never a part of it. Synchronous, so that nothing else of this process comes between.
 */
export function writeAtomically(file: string, parts: readonly Uint8Array[]): void {
  const temporary = writeTemporary(file, parts);
  renameSync(temporary, file);
  syncDirectory(path.dirname(file));
}

/** Like {@link writeAtomically}, for a file that is not there yet; says whether that was so. */
export function createAtomically(file: string, parts: readonly Uint8Array[]): boolean {
  if (existsSync(file)) return false;
  const temporary = writeTemporary(file, parts);
  const created = moveTo(file, temporary);
  syncDirectory(path.dirname(file));
  return created;
}

/** Writes a file beside `file`, durably, and gives its name; leaves nothing when that fails. */
function writeTemporary(file: string, parts: readonly Uint8Array[]): string {
  const temporary = `${file}.${process.pid}.tmp`;
  const handle = openSync(temporary, "w");
  try {
    for (const part of parts) {
      for (let written = 0; written < part.byteLength;) {
        written += writeSync(handle, part, written);
      }
    }
    fsyncSync(handle);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  } finally {
    closeSync(handle);
  }
  return temporary;
}

/** Unlike a rename, a link is never made over a file that came meanwhile. */
function moveTo(file: string, temporary: string): boolean {
  try {
    linkSync(temporary, file);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") {
      unlinkSync(temporary);
      return false;
    }
    // A file system without links.
    renameSync(temporary, file);
    return true;
  }
  unlinkSync(temporary);
  return true;
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
