import type { Update } from "@everfresh/core";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import { decodeSnapshot, encodeSnapshot } from "./codec/snapshot-codec.ts";
import { decodeUpdate, encodeUpdate } from "./codec/update-codec.ts";
import type { Snapshot } from "./manifest.ts";
import { decodeReplicaMessage, encodeReplicaMessage } from "./protocol/message-codec.ts";
import type { ReplicaMessage } from "./protocol/message.ts";

const SPEC = await readFile(join(import.meta.dirname, "..", "SPEC.md"), "utf8");

const FINGERPRINT_A = "000102030405060708090a0b0c0d0e0f";
const FINGERPRINT_B = "f0e0d0c0b0a090807060504030201000";

const SCATTERED: Update = {
  fromVersion: 299,
  toVersion: 300,
  fingerprintBefore: FINGERPRINT_A,
  fingerprintAfter: FINGERPRINT_B,
  valueType: "float16",
  indices: Uint32Array.of(3, 300, 301, 700),
  values: Float32Array.of(1, -2, 0.5, 65_504),
  buffers: [],
};

const WITH_BUFFER: Update = {
  ...SCATTERED,
  valueType: "float32",
  indices: Uint32Array.of(8, 9),
  values: Float32Array.of(1, -2),
  buffers: [{ tensor: 4, data: Int32Array.of(7, -1) }],
};

const SNAPSHOT: Snapshot = {
  version: 300,
  fingerprint: FINGERPRINT_B,
  bytes: Uint8Array.of(0, 0, 128, 63, 0, 0, 0, 192),
};

const HELLO: ReplicaMessage = {
  kind: "hello",
  protocolVersion: 1,
  have: { logId: "log-1", version: 300, fingerprint: FINGERPRINT_B },
};

describe("SPEC.md", () => {
  it("has test vectors that the codecs write and read", () => {
    expect(hex(encodeUpdate(SCATTERED))).toBe(vector("update, scattered"));
    expect(decodeUpdate(bytes(vector("update, scattered")))).toEqual(SCATTERED);
    expect(hex(encodeUpdate(WITH_BUFFER))).toBe(vector("update, with a buffer"));
    expect(decodeUpdate(bytes(vector("update, with a buffer")))).toEqual(WITH_BUFFER);
    expect(hex(encodeSnapshot(SNAPSHOT))).toBe(vector("snapshot"));
    expect(decodeSnapshot(bytes(vector("snapshot")))).toEqual(SNAPSHOT);
    expect(hex(encodeReplicaMessage(HELLO))).toBe(vector("hello"));
    expect(decodeReplicaMessage(bytes(vector("hello")))).toEqual(HELLO);
  });

  it("names for every invariant a test that exists", async () => {
    const files = await readdir(import.meta.dirname, { recursive: true });
    const tests = files.filter((file) => file.endsWith(".test.ts"));
    const sources = await Promise.all(
      tests.map(async (file) => {
        const source = await readFile(join(import.meta.dirname, file), "utf8");
        return [file, source.replaceAll(/"\s*\+\s*["`]/g, "")] as const;
      }),
    );
    const invariants = SPEC.match(/^\*\*I\d+\b.*$/gm) ?? [];
    const enforcements = [...SPEC.matchAll(/^Enforcement: `([^`]+)` "([^"]+)"/gm)];
    expect(invariants.length).toBeGreaterThanOrEqual(10);
    expect(enforcements.length).toBeGreaterThanOrEqual(invariants.length);
    for (const [, file, title] of enforcements) {
      const source = sources.find(([name]) => name === file)?.[1] ?? "";
      expect([file, title, source.includes(title ?? "")]).toEqual([file, title, true]);
    }
  });
});

/** The hexadecimal block that follows a vector's title. */
function vector(title: string): string {
  const [, after] = SPEC.split(`Vector: ${title}`);
  const block = /```text\n([^`]*)```/.exec(after ?? "")?.[1] ?? "";
  return block.replaceAll(/\s+/g, " ").trim();
}

function hex(data: Uint8Array): string {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text.split(" "), (byte) => Number.parseInt(byte, 16));
}
