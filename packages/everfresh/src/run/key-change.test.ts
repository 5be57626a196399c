import { deployCopy } from "@everfresh/core";
import { mlp } from "@everfresh/engine";
import { encodeUpdate, importSigningKey, keyName, signUpdate } from "@everfresh/sync";
import { describe, expect, it } from "vitest";
import { keyChange } from "./key-change.ts";

const deployed = deployCopy(mlp({ inputs: 2, hidden: [], outputs: 2 }).state, 6);
const { layout } = deployed.state;
const update = deployed.updateFor({
  valueType: "float32",
  indices: Uint32Array.of(1),
  values: Float32Array.of(2),
  buffers: [],
});
const unsigned = encodeUpdate(update, { layout });
const [key, other] = await Promise.all(
  [1, 2].map((seed) => importSigningKey(new Uint8Array(32).fill(seed))),
);

function logWith(bytes: Uint8Array | null): Parameters<typeof keyChange>[0] {
  return {
    head: () => (bytes === null ? null : { version: 7, fingerprint: update.fingerprintAfter }),
    read: () => Promise.resolve(bytes),
  };
}

describe("a change of the signing key", () => {
  it("is told where replicas will notice it", async () => {
    const signed = logWith(await signUpdate(unsigned, key!));
    expect(await keyChange(signed, null)).toMatch(/version 7 .* signs nothing.*--signing-key/);
    expect(await keyChange(signed, other!)).toContain(keyName(other!.publicKey.id));
    expect(await keyChange(signed, other!)).toContain("must trust that one too");
  });

  it("is none where the same key signs on, or nobody has signed yet", async () => {
    expect(await keyChange(logWith(await signUpdate(unsigned, key!)), key!)).toBeNull();
    expect(await keyChange(logWith(unsigned), key!)).toBeNull();
    expect(await keyChange(logWith(unsigned), null)).toBeNull();
    expect(await keyChange(logWith(null), key!)).toBeNull();
  });
});
