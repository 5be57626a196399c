import { generateKeyPairSync } from "node:crypto";
import { afterEach, describe, expect, it, vi } from "vitest";

import { SigningKeyError, SigningUnavailableError } from "../errors.ts";
import { importPublicKey, importSigningKey, keyName } from "./signing-keys.ts";

const content = Uint8Array.of(1, 2, 3);

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("keys", () => {
  it("are the same from PEM text, as Node and openssl write it, and from their bytes", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("ed25519");
    const signing = await importSigningKey(
      privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    );
    const text = publicKey.export({ type: "spki", format: "pem" }).toString();
    const known = await importPublicKey(`a comment\n${text.replaceAll("\n", "\r\n")}`);
    expect(known.id).toBe(signing.publicKey.id);
    expect(await importPublicKey(known.bytes)).toMatchObject({ id: known.id, bytes: known.bytes });
    const signature = new Uint8Array(await signing.sign(content));
    expect(await known.verify(content, signature)).toBe(true);
    expect(await known.verify(Uint8Array.of(1, 2, 4), signature)).toBe(false);
    expect(keyName(known.id)).toMatch(/^[0-9a-f]{8}$/);
    expect(keyName(0xab)).toBe("000000ab");
  });

  it("of another kind or length, or damaged, are a typed error that names the way out", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("x25519");
    const ours = generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" });
    const wrong = [
      new Uint8Array(31),
      new Uint8Array(33),
      "",
      "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
      "-----BEGIN PUBLIC KEY-----\n???\n-----END PUBLIC KEY-----",
      publicKey.export({ type: "spki", format: "pem" }),
      privateKey.export({ type: "pkcs8", format: "pem" }),
    ];
    for (const key of wrong as (Uint8Array | string)[]) {
      await expect(importPublicKey(key)).rejects.toThrow(SigningKeyError);
      await expect(importSigningKey(key)).rejects.toThrow("everfresh keygen");
    }
    await expect(importSigningKey(ours as string)).rejects.toThrow("a PRIVATE KEY is needed");
  });

  it("cannot be used in a runtime without Ed25519: the error says where they can", async () => {
    const key = await importSigningKey(new Uint8Array(32).fill(1));
    vi.stubGlobal("crypto", undefined);
    await expect(importSigningKey(new Uint8Array(32))).rejects.toThrow(SigningUnavailableError);
    await expect(key.sign(content)).rejects.toMatchObject({ code: "EF_SIGNING_UNAVAILABLE" });
    // A page that did not come by https.
    vi.stubGlobal("crypto", { getRandomValues: () => undefined });
    await expect(key.publicKey.verify(content, content)).rejects.toThrow("https");
  });
});
