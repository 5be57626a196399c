import { existsSync, readFileSync, rmSync } from "node:fs";
import { z } from "zod";
import { StateDirectoryError } from "../errors.ts";
import type { StateDirectory } from "./state-directory.ts";
import { writeAtomically } from "./write-atomically.ts";

const addressSchema = z.object({ model: z.url({ protocol: /^http$/ }) });

/** Leaves word in a state directory where the run that works there can be talked to. */
export function writeServerAddress({ serverFile }: StateDirectory, modelUrl: string): void {
  const text = `${JSON.stringify({ model: reachable(modelUrl) }, null, 2)}\n`;
  writeAtomically(serverFile, [new TextEncoder().encode(text)]);
}

/** Takes that word back. */
export function removeServerAddress({ serverFile }: StateDirectory): void {
  rmSync(serverFile, { force: true });
}

/**
 * The address of the model's HTTP API in the run that works in a directory; null when none said so.
 * @throws StateDirectoryError when the file holds something else
 */
export function readServerAddress({ serverFile }: StateDirectory): string | null {
  if (!existsSync(serverFile)) return null;
  try {
    return addressSchema.parse(JSON.parse(readFileSync(serverFile, "utf8"))).model;
  } catch (cause) {
    throw new StateDirectoryError(`${serverFile} does not say where the run is served`, cause);
  }
}

/** An address that listens everywhere is reached here. */
function reachable(url: string): string {
  return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:");
}
