import { crc32 } from "@everfresh/core";
import { describe, expect, it } from "vitest";

import { CorruptSnapshotError, UpdateSignatureError } from "../errors.ts";
import type { Snapshot } from "../manifest.ts";
import { smallManifest } from "../publisher.fixture.ts";
import { CRC_BYTES } from "./byte-writer.ts";
import { decodeManifest, encodeManifest } from "./manifest-codec.ts";
import { decodeSnapshot, encodeSnapshot } from "./snapshot-codec.ts";
import {
  hashManifest,
  signManifest,
  signSnapshot,
  verifyManifest,
  verifySnapshot,
} from "./state-signature.ts";
import { importSigningKey } from "./signing-keys.ts";

const key = await importSigningKey(new Uint8Array(32).fill(7));
const stranger = await importSigningKey(new Uint8Array(32).fill(8));
const policy = { required: true, keys: [key.publicKey] };
const manifest = encodeManifest(smallManifest());
const hash = await hashManifest(manifest);
const SNAPSHOT: Snapshot = {
  version: 300,
  fingerprint: "0123456789abcdef0123456789abcdef",
  eventTimeMs: 12_345,
  bytes: Uint8Array.of(1, 2, 3),
};

describe("signed manifests and snapshots", () => {
  it("say what they said before, and count where the key is trusted", async () => {
    const signed = await signManifest(manifest, key);
    expect(decodeManifest(signed)).toEqual(smallManifest());
    await verifyManifest(signed, policy);
    expect(await hashManifest(signed)).toEqual(hash);
    expect(await signManifest(await signManifest(manifest, stranger), key)).toEqual(signed);
    const snapshot = await signSnapshot(encodeSnapshot(SNAPSHOT), key, hash);
    expect(decodeSnapshot(snapshot)).toEqual(SNAPSHOT);
    await verifySnapshot(snapshot, policy, hash);
  });

  it("are refused when any byte was changed, or they belong to another manifest", async () => {
    const snapshot = await signSnapshot(encodeSnapshot(SNAPSHOT), key, hash);
    const other = hash.map((byte) => byte ^ 1);
    await expect(verifySnapshot(snapshot, policy, other)).rejects.toThrow(UpdateSignatureError);
    for (let at = 3; at < snapshot.length - CRC_BYTES; at++) {
      const forged = withCrc(snapshot, at);
      await expect(verifySnapshot(forged, policy, hash)).rejects.toThrow();
    }
    const signed = await signManifest(manifest, key);
    for (let at = 3; at < signed.length - CRC_BYTES; at += 7) {
      await expect(verifyManifest(withCrc(signed, at), policy)).rejects.toThrow();
    }
  });

  it("must be signed by a trusted key where that is required, and only there", async () => {
    const unsigned = encodeSnapshot(SNAPSHOT);
    const foreign = await signSnapshot(unsigned, stranger, hash);
    await expect(verifySnapshot(unsigned, policy, hash)).rejects.toMatchObject({
      fault: "unsigned",
    });
    await expect(verifySnapshot(foreign, policy, hash)).rejects.toMatchObject({
      fault: "unknownKey",
    });
    await expect(verifyManifest(manifest, policy)).rejects.toMatchObject({ fault: "unsigned" });
    const lax = { ...policy, required: false };
    await verifySnapshot(unsigned, lax, hash);
    await verifySnapshot(foreign, lax, hash);
    const wrong = await signSnapshot(
      unsigned,
      key,
      hash.map((byte) => byte ^ 1),
    );
    await expect(verifySnapshot(wrong, lax, hash)).rejects.toMatchObject({ fault: "wrong" });
  });

  it("too short for their signature are refused", () => {
    const short = Uint8Array.of(0x45, 0x53, 2, 64, 1, 2, 3, 0, 0, 0, 0);
    new DataView(short.buffer).setUint32(7, crc32(short.subarray(0, 7)), true);
    expect(() => decodeSnapshot(short)).toThrow(CorruptSnapshotError);
  });
});

/** The same with one bit changed and a checksum that fits. */
function withCrc(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at]! ^= 1;
  const end = copy.length - CRC_BYTES;
  new DataView(copy.buffer).setUint32(end, crc32(copy.subarray(0, end)), true);
  return copy;
}
