import { Random } from "@everfresh/core";
import { createPrivateKey, createPublicKey, verify } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";

import { CorruptUpdateError, UpdateSignatureError } from "../errors.ts";
import { decodeUpdate, encodeUpdate } from "./update-codec.ts";
import { FUZZ_LAYOUT, randomUpdate, withCrc } from "./update-fuzz.fixture.ts";
import { readUpdateHeader } from "./update-header.ts";
import { importPublicKey, importSigningKey, type SigningKey } from "./signing-keys.ts";
import { signUpdate, verifyUpdate } from "./update-signature.ts";

const update = randomUpdate(new Random(3));
const bytes = encodeUpdate(update, { layout: FUZZ_LAYOUT });
let key: SigningKey;
let other: SigningKey;
let signed: Uint8Array;

beforeAll(async () => {
  key = await importSigningKey(seed(1));
  other = await importSigningKey(seed(2));
  signed = await signUpdate(bytes, key);
});

describe("a signed update", () => {
  it("is 68 bytes longer, names its key, and decodes as without the signature", () => {
    expect(signed.length).toBe(bytes.length + 68);
    expect(readUpdateHeader(signed)).toEqual({
      ...readUpdateHeader(bytes),
      keyId: key.publicKey.id,
    });
    expect(decodeUpdate(signed, { layout: FUZZ_LAYOUT })).toEqual(update);
  });

  it("is what RFC 8032 says of its seed: Node's own Ed25519 agrees", () => {
    // RFC 8032, section 7.1, test 1.
    const rfc = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    const pkcs8 = Buffer.from(`302e020100300506032b657004220420${rfc}`, "hex");
    const privateKey = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
    const publicKey = createPublicKey(privateKey);
    return importSigningKey(Buffer.from(rfc, "hex")).then(async (imported) => {
      expect(Buffer.from(imported.publicKey.bytes).toString("hex")).toBe(
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
      );
      const whole = await signUpdate(bytes, imported);
      const end = whole.length - 4;
      const ok = verify(
        null,
        whole.subarray(0, end - 64),
        publicKey,
        whole.subarray(end - 64, end),
      );
      expect(ok).toBe(true);
    });
  });

  it("is taken by those who trust its key, and can be signed anew by another", async () => {
    const trust = [other.publicKey, await importPublicKey(key.publicKey.bytes)];
    await verifyUpdate(signed, { required: true, keys: trust });
    const again = await signUpdate(signed, other);
    expect(again.length).toBe(signed.length);
    await verifyUpdate(again, { required: true, keys: [other.publicKey] });
  });

  it("is refused when any byte that is signed was changed, whatever the checksum says", async () => {
    const policy = { required: true, keys: [key.publicKey] };
    const changed = [4, 9, 30, 60, bytes.length - 5, signed.length - 10];
    for (const at of changed) {
      const forged = signed.slice();
      forged[at]! ^= 4;
      await expect(verifyUpdate(forged, policy)).rejects.toThrow(CorruptUpdateError);
      const verdict = verifyUpdate(withCrc(forged), policy);
      await expect(verdict).rejects.toMatchObject({ code: "EF_UPDATE_SIGNATURE", fault: "wrong" });
    }
  });
});

describe("a policy", () => {
  it("that requires signatures refuses unsigned updates and unknown keys", async () => {
    const policy = { required: true, keys: [other.publicKey] };
    await expect(verifyUpdate(bytes, policy)).rejects.toMatchObject({ fault: "unsigned" });
    await expect(verifyUpdate(signed, policy)).rejects.toMatchObject({ fault: "unknownKey" });
    await expect(verifyUpdate(signed, { required: true, keys: [] })).rejects.toThrow(
      UpdateSignatureError,
    );
  });

  it("that does not require them takes both, but no wrong signature of a known key", async () => {
    await verifyUpdate(bytes, { required: false, keys: [] });
    await verifyUpdate(signed, { required: false, keys: [other.publicKey] });
    const forged = signed.slice();
    forged[forged.length - 20]! ^= 1;
    const policy = { required: false, keys: [key.publicKey] };
    await expect(verifyUpdate(withCrc(forged), policy)).rejects.toMatchObject({ fault: "wrong" });
  });
});

function seed(byte: number): Uint8Array {
  return new Uint8Array(32).fill(byte);
}
