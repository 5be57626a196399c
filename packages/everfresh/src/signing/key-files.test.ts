import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isReadableByOthers, readPublicKey, readSigningKey, writeKeyPair } from "./key-files.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "everfresh-keys-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("key files", () => {
  it("hold a pair that belongs together, the private one for its owner only", async () => {
    const pair = await writeKeyPair(path.join(folder, "deploy"));
    expect(pair.privateKeyFile).toBe(path.join(folder, "deploy.key"));
    expect(statSync(pair.privateKeyFile).mode & 0o777).toBe(0o600);
    expect(isReadableByOthers(pair.privateKeyFile)).toBe(false);
    const signing = await readSigningKey(pair.privateKeyFile);
    const known = await readPublicKey(pair.publicKeyFile);
    expect(signing.publicKey.bytes).toEqual(known.bytes);
    expect(pair.publicKey).toBe(Buffer.from(known.bytes).toString("hex"));
    expect(Number.parseInt(pair.keyId, 16)).toBe(known.id);
    expect(readFileSync(pair.privateKeyFile, "utf8")).toMatch(/^-----BEGIN PRIVATE KEY-----/);
    chmodSync(pair.privateKeyFile, 0o640);
    expect(isReadableByOthers(pair.privateKeyFile)).toBe(true);
    const other = await writeKeyPair(path.join(folder, "other"));
    expect(other.keyId).not.toBe(pair.keyId);
  });

  it.each(["deploy.key", "deploy.pub"])("are never overwritten: %s", async (name) => {
    writeFileSync(path.join(folder, name), "precious");
    await expect(writeKeyPair(path.join(folder, "deploy"))).rejects.toMatchObject({
      code: "EF_OUTPUT_FILE",
    });
    expect(readFileSync(path.join(folder, name), "utf8")).toBe("precious");
    const rest = ["deploy.key", "deploy.pub"].filter((other) => other !== name);
    expect(rest.filter((other) => existsSync(path.join(folder, other)))).toEqual([]);
  });

  it("that are not there, or hold something else, are a typed error with the path", async () => {
    const { privateKeyFile, publicKeyFile } = await writeKeyPair(path.join(folder, "deploy"));
    const failure = { code: "EF_KEY_FILE" };
    await expect(readSigningKey(publicKeyFile)).rejects.toMatchObject(failure);
    await expect(readPublicKey(privateKeyFile)).rejects.toThrow(privateKeyFile);
    await expect(readPublicKey(path.join(folder, "none.pub"))).rejects.toMatchObject(failure);
    await expect(writeKeyPair(path.join(folder, "none", "x"))).rejects.toMatchObject({
      code: "EF_OUTPUT_FILE",
    });
  });
});
