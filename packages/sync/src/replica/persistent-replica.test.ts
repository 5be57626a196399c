import { Random } from "@everfresh/core";
import { beforeEach, describe, expect, it } from "vitest";

import { importSigningKey, type SigningKey } from "../codec/signing-keys.ts";
import { signUpdate } from "../codec/update-signature.ts";
import { UpdateSignatureError } from "../errors.ts";
import type { UpdateHistory } from "../feed/catch-up.ts";
import { Feed, type FeedOptions } from "../feed/feed.ts";
import { ManualTime, settled } from "../manual-time.fixture.ts";
import { Publisher, smallManifest } from "../publisher.fixture.ts";
import { MemoryTransport } from "../transport/memory-transport.ts";
import { DeployedRuntime } from "./deployed-runtime.fixture.ts";
import { MemoryFiles } from "./memory-files.fixture.ts";
import { openReplica } from "./open-replica.ts";
import { describeReplicaStore } from "./replica-store.conformance.ts";
import type { Replica, ReplicaOptions } from "./replica.ts";
import { replicaStoreIn } from "./store-files.ts";

const trusted = await importSigningKey(new Uint8Array(32).fill(7));
const stranger = await importSigningKey(new Uint8Array(32).fill(8));
const signatures = { required: true, keys: [trusted.publicKey] };

let time = new ManualTime();
let runtime = new DeployedRuntime();
let publisher = new Publisher(new Random(1));
let feed = openFeed();
let files = new MemoryFiles();
let errors: unknown[] = [];
let transport = openTransport();

beforeEach(() => {
  time = new ManualTime();
  runtime = new DeployedRuntime();
  publisher = new Publisher(new Random(1));
  feed = openFeed();
  files = new MemoryFiles();
  errors = [];
  transport = openTransport();
});

describeReplicaStore("files in memory", () => replicaStoreIn(files));

describe("a replica with a store", () => {
  it("starts from it while the server is away, and then catches up by updates", async () => {
    const first = await open();
    await publish(5);
    expect(first.status()).toMatchObject({ version: 5, storedVersion: 5 });
    await first[Symbol.asyncDispose]();
    const { fingerprint } = publisher.deployed;

    transport.reachable = false;
    await using second = await open();
    expect(second.status()).toMatchObject({ phase: "connecting", version: 5, fingerprint });
    expect(second.manifest).toEqual(smallManifest());
    expect(await second.predict(new Float32Array(20), 1)).toMatchObject({ version: 5 });
    await publish(3);
    transport.reachable = true;
    await time.advance(20_000);
    expect(second.status()).toMatchObject({ phase: "live", version: 8, snapshots: 0 });
  });

  it("keeps the event time, and says how fresh its state is and how far behind", async () => {
    await using first = await open();
    const { update, bytes } = publisher.next(900);
    feed.publish(update, bytes);
    await settled();
    const nowMs = time.nowMs();
    const status = { eventTimeMs: 900, freshnessMs: nowMs - 900, lagVersions: 0 };
    expect(first.status()).toMatchObject(status);
    await using second = await open();
    expect(second.status()).toMatchObject({ eventTimeMs: 900, snapshots: 0 });
    // A later one says nothing about time: what was learned before still counts.
    await publish(1);
    expect(first.status()).toMatchObject({ eventTimeMs: 900, version: 2 });
    runtime.failNext = new Error("worker died");
    await publish(1);
    expect(first.status().lagVersions + second.status().lagVersions).toBe(1);
  });

  it("gets what it has not stored from the feed, whatever is left of its files", async () => {
    const first = await open();
    await publish(10);
    await first[Symbol.asyncDispose]();
    const whole = new Map(files.files);
    for (const [name, bytes] of whole) {
      for (const cut of [0, 1, 7, 100, bytes.length >> 1, bytes.length - 1]) {
        files.files.clear();
        for (const [other, content] of whole) files.files.set(other, content);
        files.files.set(name, bytes.slice(0, cut));
        const replica = await open();
        await time.advance(5_000);
        const { version, fingerprint } = publisher.deployed;
        expect(replica.status()).toMatchObject({ phase: "live", version, fingerprint });
        await replica[Symbol.asyncDispose]();
      }
    }
  });

  it("never goes on by the updates of another log, even one that began alike", async () => {
    const first = await open();
    await publish(4);
    await first[Symbol.asyncDispose]();
    const updates = files.files.get("replica-updates.bin")!;
    publisher = new Publisher(new Random(1));
    feed = openFeed({ manifest: smallManifest("log-2") });
    const second = await open();
    await time.advance(2_000);
    expect(second.status()).toMatchObject({ phase: "live", version: 0 });
    await second[Symbol.asyncDispose]();
    // A crash right before the old updates were removed.
    files.files.set("replica-updates.bin", updates);
    transport.reachable = false;
    await using third = await open();
    expect(third.status()).toMatchObject({ phase: "connecting", version: 0 });
    expect(third.manifest.logId).toBe("log-2");
  });

  it("serves on when the store fails, says so, and stores the next snapshot", async () => {
    await using replica = await open();
    files.failNext = new Error("disk is full");
    await publish(1);
    expect(errors).toHaveLength(1);
    await publish(3);
    expect(replica.status()).toMatchObject({ version: 4, storedVersion: 0 });
    runtime.failNext = new Error("worker died");
    await publish(1);
    await time.advance(2_000);
    expect(replica.status()).toMatchObject({ version: 5, storedVersion: 5 });
  });

  it("does not let its store grow without end", async () => {
    await using replica = await open();
    let most = 0;
    for (let i = 0; i < 100; i++) {
      await publish(50);
      const bytes = [...files.files.values()].reduce((sum, content) => sum + content.length, 0);
      most = Math.max(most, bytes);
    }
    expect(most).toBeLessThan(300_000);
    expect(replica.status()).toMatchObject({ version: 5_000, storedVersion: 5_000 });
  });

  it("forgets a stored model of another log when the feed has a new one", async () => {
    const first = await open();
    await publish(3);
    await first[Symbol.asyncDispose]();
    publisher = new Publisher(new Random(2));
    feed = openFeed({ manifest: smallManifest("log-2") });
    await using second = await open();
    expect(second.status().version).toBe(3);
    await time.advance(2_000);
    expect(second.manifest.logId).toBe("log-2");
    const { version, fingerprint } = publisher.deployed;
    expect(second.status()).toMatchObject({ phase: "live", version, fingerprint });
    expect(second.status().storedVersion).toBe(0);
  });
});

describe("a replica that checks its state", () => {
  it("finds a flipped bit that no update touches within a minute, and heals itself", async () => {
    await using replica = await open();
    await publish(2);
    await time.advance(50_000);
    const { scrubs } = replica.status();
    expect(scrubs).toBeGreaterThan(0);
    new Uint8Array(runtime.deployed!.state.buffer)[777]! ^= 8;
    await time.advance(60_000);
    runtime.deployed!.verify();
    const { version, fingerprint } = publisher.deployed;
    expect(replica.status()).toMatchObject({ phase: "live", version, fingerprint, rejected: 1 });
    expect(replica.status().scrubs).toBeGreaterThan(scrubs);
    expect(replica.status().corruptions).toBe(1);
    expect(replica.status().lastFault?.code).toBe("EF_FINGERPRINT_MISMATCH");
    expect(runtime.openSessions).toBe(1);
  });

  it("never takes its own word for a state that it has found corrupt", async () => {
    await using replica = await open();
    new Uint8Array(runtime.deployed!.state.buffer)[777]! ^= 8;
    transport.reachable = false;
    transport.breakConnections();
    await time.advance(60_000);
    transport.reachable = true;
    await time.advance(20_000);
    runtime.deployed!.verify();
    expect(replica.status()).toMatchObject({ phase: "live", snapshots: 2 });
  });
});

describe("a replica that requires signatures", () => {
  it("takes what the trusted key has signed: manifest, snapshot, updates and merged ones", async () => {
    feed = openFeed({ signingKey: trusted });
    await using replica = await open({ signatures });
    expect(replica.status()).toMatchObject({ phase: "live", rejected: 0 });
    await publishSigned(3, trusted);
    expect(replica.status()).toMatchObject({ version: 3, updatesApplied: 3, rejected: 0 });
    transport.reachable = false;
    transport.breakConnections();
    await publishSigned(300, trusted);
    transport.reachable = true;
    await advance(20_000);
    expect(replica.status()).toMatchObject({ phase: "live", version: 303, rejected: 0 });
  });

  it.each([
    ["nobody", undefined],
    ["a stranger", stranger],
  ])("takes no state that %s has signed", async (_, signingKey) => {
    feed = openFeed(signingKey === undefined ? {} : { signingKey });
    // At once: no later answer could be any better.
    const opening = open({ signatures }).catch((error: unknown) => error);
    await advance(250);
    const error = await opening;
    expect(error).toBeInstanceOf(UpdateSignatureError);
    expect(String(error)).toContain("Refused: the manifest");
    expect(runtime.served).toEqual([]);
  });

  it("takes no update that is unsigned or of a stranger, and goes on with the next", async () => {
    feed = openFeed({ signingKey: trusted });
    await using replica = await open({ signatures });
    expect(replica.status().lastFault).toBeNull();
    await publish(1);
    expect(replica.status()).toMatchObject({ version: 0, rejected: 1 });
    expect(replica.status().lastFault).toEqual({
      code: "EF_UPDATE_SIGNATURE",
      message: expect.stringContaining("version 1 is not signed") as string,
    });
    await advance(5_000);
    expect(replica.status()).toMatchObject({ phase: "live", version: 1, snapshots: 2 });
    await publishSigned(1, stranger);
    expect(replica.status()).toMatchObject({ version: 1 });
    expect(replica.status().lastFault?.message).toMatch(/key [0-9a-f]{8} is not trusted/);
    await advance(5_000);
    await publishSigned(1, trusted);
    expect(replica.status()).toMatchObject({ phase: "live", version: 3 });
  });

  it("follows a publisher that changes its key once it trusts both", async () => {
    feed = openFeed({ signingKey: trusted });
    const keys = [trusted.publicKey, stranger.publicKey];
    await using replica = await open({ signatures: { required: true, keys } });
    const published: Uint8Array[] = [];
    for (let i = 0; i < 40; i++) {
      const { update, bytes } = publisher.next();
      published.push(i < 20 ? await signUpdate(bytes, trusted) : bytes);
      if (i < 10) feed.publish(update, published[i]!);
    }
    await advance(1_000);
    expect(replica.status()).toMatchObject({ version: 10, rejected: 0 });
    // The run starts again with another key: its log has updates of both, and unsigned ones.
    feed[Symbol.dispose]();
    transport.breakConnections();
    const history: UpdateHistory = {
      async *range(from, to) {
        await Promise.resolve();
        yield* published.slice(from - 1, to);
      },
    };
    feed = openFeed({ signingKey: stranger, history });
    await advance(5_000);
    expect(replica.status()).toMatchObject({ phase: "live", version: 40, rejected: 0 });
    // Who trusts the new key alone gets the same.
    const only = { required: true, keys: [stranger.publicKey] };
    const store = replicaStoreIn(new MemoryFiles());
    await using late = await open({ signatures: only, transport: openTransport(), store });
    await advance(1_000);
    expect(late.status()).toMatchObject({ phase: "live", version: 40, rejected: 0 });
  });

  it("takes no snapshot that was signed for another model", async () => {
    const other = smallManifest("log-1");
    const foreign = openFeed({ signingKey: trusted, manifest: { ...other, name: "other" } });
    feed = openFeed({ signingKey: trusted });
    const { snapshot } = await foreign.sealed();
    Object.assign(await feed.sealed(), { snapshot });
    const opening = open({ signatures, connectTimeoutMs: 5_000 }).catch((error: unknown) => error);
    await advance(8_000);
    expect(String(await opening)).toContain("signature");
    expect(runtime.served).toEqual([]);
  });
});

function openFeed(options: Partial<FeedOptions> = {}): Feed {
  const { deployed } = publisher;
  const manifest = smallManifest();
  return new Feed({ manifest, deployed, clock: time, timers: time, ...options });
}

function openTransport(): MemoryTransport {
  return new MemoryTransport({ accept: (connection) => feed.connect(connection) });
}

async function open(options: Partial<ReplicaOptions> = {}): Promise<Replica> {
  const store = replicaStoreIn(files);
  const onStoreError = (error: unknown): void => void errors.push(error);
  const random = new Random(7);
  const world = { transport, runtime, clock: time, timers: time, random };
  return openReplica({ ...world, store, onStoreError, ...options });
}

/** As `time.advance`, for what also waits for the threads that sign. */
async function advance(durationMs: number): Promise<void> {
  for (let passed = 0; passed < durationMs; passed += 250) {
    await time.advance(250);
    await threads();
  }
}

async function threads(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setTimeout(resolve, 1));
}

async function publish(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const { update, bytes } = publisher.next();
    feed.publish(update, bytes);
  }
  for (let i = 0; i < 5; i++) await settled();
  await threads();
}

async function publishSigned(count: number, key: SigningKey): Promise<void> {
  for (let i = 0; i < count; i++) {
    const { update, bytes } = publisher.next();
    feed.publish(update, await signUpdate(bytes, key));
  }
  for (let i = 0; i < 20; i++) await threads();
}
