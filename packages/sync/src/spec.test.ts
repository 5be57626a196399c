import { createState, dataOf, fingerprintOf } from "@everfresh/core";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import { BitReader } from "./codec/bit-reader.ts";
import { readPositions } from "./codec/index-coding.ts";
import { decodeSnapshot, encodeSnapshot } from "./codec/snapshot-codec.ts";
import { signSnapshot } from "./codec/state-signature.ts";
import { decodeUpdate, encodeUpdate } from "./codec/update-codec.ts";
import { importPublicKey, importSigningKey } from "./codec/signing-keys.ts";
import { signUpdate } from "./codec/update-signature.ts";
import { CorruptUpdateError } from "./errors.ts";
import type { Snapshot } from "./manifest.ts";
import {
  decodeReplicaMessage,
  encodeFeedMessage,
  encodeReplicaMessage,
} from "./protocol/message-codec.ts";
import type { FeedMessage, ReplicaMessage } from "./protocol/message.ts";
import { decodeHttpHead, encodeHttpHead, type HttpHead } from "./transport/http/http-head.ts";
import { FINGERPRINT_B, VECTOR_LAYOUT, VECTOR_UPDATES } from "./spec-vectors.fixture.ts";

const SPEC = await readFile(join(import.meta.dirname, "..", "SPEC.md"), "utf8");

/** Codings of positions by the title of their vector, as their heads would say them. */
const POSITIONS = {
  rice: { code: 0, parameter: 4 },
  golomb: { code: 1, parameter: 4 },
  expGolomb: { code: 2, parameter: 2 },
  varint: { code: 3, parameter: 0 },
  runs: { code: 4, parameter: 3 },
  absent: { code: 5, parameter: 1 },
} as const;

const SNAPSHOT: Snapshot = {
  version: 300,
  fingerprint: FINGERPRINT_B,
  eventTimeMs: 1_790_000_000_000,
  bytes: Uint8Array.of(0, 0, 128, 63, 0, 0, 0, 192),
};

const HELLO: ReplicaMessage = {
  kind: "hello",
  protocolVersion: 2,
  have: { logId: "log-1", version: 300, fingerprint: FINGERPRINT_B },
};

const HTTP_HEAD: HttpHead = {
  logId: "log-1",
  manifest: "0a1b2c3d",
  version: 300,
  fingerprint: FINGERPRINT_B,
  anchors: [{ version: 256, bytes: 5_000 }],
  segments: [
    { from: 256, to: 272, bytes: 700 },
    { from: 299, to: 300, bytes: 90 },
  ],
};

describe("SPEC.md", () => {
  it("has vectors of a snapshot, messages and a head", () => {
    const head: FeedMessage = {
      kind: "head",
      logId: "log-1",
      version: 300,
      fingerprint: FINGERPRINT_B,
    };
    expect(hex(encodeFeedMessage(head))).toBe(vector("head"));
    expect(hex(encodeHttpHead(HTTP_HEAD))).toBe(vector("http head"));
    expect(decodeHttpHead(bytes(vector("http head")))).toEqual(HTTP_HEAD);
    expect(hex(encodeSnapshot(SNAPSHOT))).toBe(vector("snapshot"));
    expect(decodeSnapshot(bytes(vector("snapshot")))).toEqual(SNAPSHOT);
    expect(hex(encodeReplicaMessage(HELLO))).toBe(vector("hello"));
    expect(decodeReplicaMessage(bytes(vector("hello")))).toEqual(HELLO);
  });

  it.each(Object.entries(VECTOR_UPDATES))("has the vector %s", (title, update) => {
    const layout = VECTOR_LAYOUT;
    expect(hex(encodeUpdate(update, { layout }))).toBe(vector(title));
    expect(decodeUpdate(bytes(vector(title)), { layout })).toEqual(update);
  });

  it.each(Object.entries(POSITIONS))("has a vector of positions as %s", (title, head) => {
    const fail = (reason: string): CorruptUpdateError => new CorruptUpdateError(reason);
    const expected = title === "absent" ? [0, 1, 3, 4, 5, 6, 8, 9] : [3, 4, 5, 20, 300];
    const reader = new BitReader(bytes(vector(`positions, ${title}`)), fail);
    const target = new Uint32Array(expected.length);
    const length = title === "absent" ? 10 : 400;
    readPositions(reader, fail, { ...head, length }, target);
    expect([...target]).toEqual(expected);
    expect(reader.end()).toBe(bytes(vector(`positions, ${title}`)).length);
  });

  it("has a vector of a signed update, whose key is in its text", async () => {
    const key = await importSigningKey(new Uint8Array(32).fill(7));
    const [text = ""] = /public key is [0-9a-f]{64}/.exec(SPEC) ?? [];
    const named = bytes((text.slice(-64).match(/../g) ?? []).join(" "));
    expect((await importPublicKey(named)).id).toBe(key.publicKey.id);
    const unsigned = bytes(vector("update, scattered"));
    expect(hex(await signUpdate(unsigned, key))).toBe(vector("update, signed"));
  });

  it("has a vector of a signed snapshot", async () => {
    const key = await importSigningKey(new Uint8Array(32).fill(7));
    const hash = Uint8Array.from({ length: 32 }, (_, i) => i);
    const signed = await signSnapshot(bytes(vector("snapshot")), key, hash);
    expect(hex(signed)).toBe(vector("signed snapshot"));
    expect(decodeSnapshot(signed)).toEqual(SNAPSHOT);
  });

  it("has the vector of a fingerprint", () => {
    const state = createState(VECTOR_LAYOUT);
    state.parameters.set([1, -0]);
    (dataOf(state, VECTOR_LAYOUT.tensors[3]!) as Int32Array).set([7, -1]);
    expect(fingerprintOf(state)).toBe(vector("fingerprint").replaceAll(" ", ""));
  });

  it("names for every invariant a test that exists", async () => {
    const files = await readdir(import.meta.dirname, { recursive: true });
    const tests = files.filter((file) => /\.(test|conformance)\.ts$/.test(file));
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
