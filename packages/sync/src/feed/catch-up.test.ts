import { Random } from "@everfresh/core";
import { beforeEach, describe, expect, it } from "vitest";

import { decodeUpdate } from "../codec/update-codec.ts";
import { importSigningKey, type SigningKey } from "../codec/signing-keys.ts";
import { signUpdate, verifyUpdate } from "../codec/update-signature.ts";
import { settled } from "../manual-time.fixture.ts";
import { Publisher, randomState, SMALL_LAYOUT } from "../publisher.fixture.ts";
import { CatchUp, type MissingUpdates, type UpdateHistory } from "./catch-up.ts";
import { RecentUpdates } from "./recent-updates.ts";

let publisher = new Publisher(new Random(3));
let recent = new RecentUpdates(100_000);
let log: Uint8Array[] = [];
let behind = randomState(new Random(3));

beforeEach(() => {
  publisher = new Publisher(new Random(3));
  recent = new RecentUpdates(100_000);
  log = [];
  behind = randomState(new Random(3));
});

const history: UpdateHistory = {
  async *range(from, to) {
    for (const bytes of log.slice(from - 1, to)) {
      await Promise.resolve();
      yield bytes;
    }
  },
};

describe("CatchUp", () => {
  it.each([1, 2, 3, 10, 100])("leads over %i updates to the same state", async (count) => {
    publish(count);
    const updates = await open().updatesSince(behind);
    expect(stateAfter(updates)).toBe(publisher.deployed.fingerprint);
  });

  it("never sends more bytes than any of its ways would take", async () => {
    const snapshotBytes = publisher.deployed.state.buffer.byteLength + 64;
    for (let i = 0; i < 200; i++) {
      publish(1);
      const updates = await open().updatesSince(behind);
      const single = log.reduce((sum, bytes) => sum + bytes.length + 1, 0);
      const bytes = updates?.reduce((sum, update) => sum + update.bytes.length + 1, 0);
      expect(bytes ?? snapshotBytes).toBeLessThanOrEqual(Math.min(single, snapshotBytes));
    }
  });

  it("is one merged update when many changed the same places", async () => {
    publish(150);
    const updates = await open().updatesSince(behind);
    expect(updates).toHaveLength(1);
    expect(updates?.[0]?.span).toMatchObject({ fromVersion: 0, toVersion: 150 });
  });

  it("has nothing for who is here, ahead, or somewhere else", async () => {
    publish(5);
    const { version, fingerprint } = publisher.deployed;
    const catchUp = open(history);
    expect(await catchUp.updatesSince({ version, fingerprint })).toBeNull();
    expect(await catchUp.updatesSince({ version: 9, fingerprint })).toBeNull();
    expect(await catchUp.updatesSince({ version: 3, fingerprint })).toBeNull();
  });

  it("takes from the log what is no longer in memory", async () => {
    recent = new RecentUpdates(500);
    publish(60);
    expect(recent.bytes).toBeLessThanOrEqual(500);
    expect(recent.oldest).toBeGreaterThan(0);
    expect(await open(null).updatesSince(behind)).toBeNull();
    const updates = await open(history).updatesSince(behind);
    expect(stateAfter(updates)).toBe(publisher.deployed.fingerprint);
  });

  it("goes on to what was published while it read", async () => {
    publish(30);
    recent = new RecentUpdates(100_000);
    const reading = open(history).updatesSince(behind);
    publish(20);
    expect(stateAfter(await reading)).toBe(publisher.deployed.fingerprint);
  });

  it("reads no more than it may, and has nothing where the log is damaged", async () => {
    publish(60);
    recent = new RecentUpdates(100_000);
    expect(await open(history, null, 300).updatesSince(behind)).toBeNull();
    log[20]![30]! ^= 1;
    expect(await open(history).updatesSince(behind)).toBeNull();
    await settled();
  });

  it("has nothing where published bytes do not hold what they should", async () => {
    publish(60);
    log[20]![30]! ^= 1;
    expect(await open().updatesSince(behind)).toBeNull();
  });

  it("signs what it merges", async () => {
    const key = await importSigningKey(new Uint8Array(32).fill(1));
    publish(150);
    const updates = await open(null, key).updatesSince(behind);
    expect(updates).toHaveLength(1);
    await verifyUpdate(updates![0]!.bytes, { required: true, keys: [key.publicKey] });
    expect(stateAfter(updates)).toBe(publisher.deployed.fingerprint);
  });
});

describe("CatchUp with a key", () => {
  it.each([
    ["unsigned", null],
    ["by another key", 2],
    ["by its own key", 1],
  ])("sends signed what the log has %s", async (_, seed) => {
    const keyOf = (of: number): Promise<SigningKey> =>
      importSigningKey(new Uint8Array(32).fill(of));
    const key = await keyOf(1);
    publish(1);
    recent = new RecentUpdates(100_000);
    if (seed !== null) log[0] = await signUpdate(log[0]!, await keyOf(seed));
    const [update] = (await open(history, key).updatesSince(behind)) ?? [];
    await verifyUpdate(update!.bytes, { required: true, keys: [key.publicKey] });
    expect(update!.bytes === log[0]).toBe(seed === 1);
    expect(stateAfter([update!])).toBe(publisher.deployed.fingerprint);
  });
});

function open(
  from: UpdateHistory | null = null,
  signingKey: SigningKey | null = null,
  historyBytesMax = 100_000,
): CatchUp {
  const { deployed } = publisher;
  return new CatchUp({ deployed, recent, history: from, historyBytesMax, signingKey });
}

function publish(count: number): void {
  for (let i = 0; i < count; i++) {
    const { update, bytes } = publisher.next();
    const { fromVersion, toVersion, fingerprintBefore, fingerprintAfter } = update;
    recent.push({ span: { fromVersion, toVersion, fingerprintBefore, fingerprintAfter }, bytes });
    log.push(bytes);
  }
}

function stateAfter(updates: MissingUpdates | null): string {
  for (const { bytes } of updates ?? [])
    behind.apply(decodeUpdate(bytes, { layout: SMALL_LAYOUT }));
  return behind.fingerprint;
}
