import { open } from "node:fs/promises";

/** Makes what was written to a file so far survive a power failure; does nothing when it is not there. */
export async function syncFile(file: string): Promise<void> {
  const handle = await open(file, "r+").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  });
  if (handle === null) return;
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
}
