import { createHash } from "node:crypto";

import { encodeManifest } from "../codec/manifest-codec.ts";
import type { Manifest } from "../manifest.ts";

/**
 * A part of a log in which the model stays the same but for its weights. Versions count on from one
 * generation to the next, but no update leads from one to another: each begins with an anchor.
 */
export interface Generation {
  /** From 1. */
  readonly number: number;
  /** What replicas know it by: the log's id, from the second generation on with its number. */
  readonly id: string;
  /** Version of the anchor that it begins with. */
  readonly firstVersion: number;
  /** SHA-256, in hexadecimal, of the manifest with the log's id: the same for the same model. */
  readonly hash: string;
  readonly manifest: Manifest;
  /** When it began, Unix milliseconds. */
  readonly timeMs: number;
}

/** A manifest without what the log adds to it. */
export type ModelManifest = Omit<Manifest, "logId">;

/** What replicas know a generation by. */
export function generationId(logId: string, number: number): string {
  return number === 1 ? logId : `${logId}.${number}`;
}

/** Graph, preprocessing, labels, tensors: anything else gives another hash. */
export function hashOf(manifest: ModelManifest, logId: string): string {
  return createHash("sha256")
    .update(encodeManifest({ ...manifest, logId }))
    .digest("hex");
}
