import { Random, stateLayout } from "@everfresh/core";
import { beforeEach, describe, expect, it } from "vitest";

import { encodeUpdate } from "../codec/update-codec.ts";
import { ConnectError, ReplicaClosedError } from "../errors.ts";
import { Feed } from "../feed/feed.ts";
import type { FeedConnection } from "../feed/feed-connection.ts";
import { ManualTime, settled } from "../manual-time.fixture.ts";
import { encodeFeedMessage, frameUpdate } from "../protocol/message-codec.ts";
import { Publisher, smallManifest } from "../publisher.fixture.ts";
import { MemoryTransport } from "../transport/memory-transport.ts";
import type { Connection, Transport } from "../transport/transport.ts";
import { DeployedRuntime } from "./deployed-runtime.fixture.ts";
import { openReplica } from "./open-replica.ts";
import type { Replica, ReplicaOptions, ReplicaStatus } from "./replica.ts";

let time = new ManualTime();
let runtime = new DeployedRuntime();
let publisher = new Publisher(new Random(1));
let feed = openFeed();
let connections: FeedConnection[] = [];
let transport = openTransport();

beforeEach(() => {
  time = new ManualTime();
  runtime = new DeployedRuntime();
  publisher = new Publisher(new Random(1));
  feed = openFeed();
  connections = [];
  transport = openTransport();
});

describe("openReplica", () => {
  it("joins knowing nothing but the transport, and follows every update", async () => {
    await publish(2);
    await using replica = await open();
    expect(replica.manifest).toEqual(smallManifest());
    expect(replica.status()).toMatchObject({ phase: "live", version: 2, snapshots: 1 });
    await publish(3);
    const { fingerprint, state } = publisher.deployed;
    expect(replica.status()).toMatchObject({ version: 5, fingerprint, updatesApplied: 3 });
    const { outputs, ...name } = await replica.predict(new Float32Array(40), 2);
    expect(name).toEqual({ version: 5, fingerprint });
    expect(outputs[1]).toBeCloseTo(state.parameters.reduce((a, b) => a + b));
    expect(feed.replicas()).toMatchObject([{ version: 5, fingerprint }]);
  });

  it("counts every byte that comes in", async () => {
    await using replica = await open();
    const before = replica.status().bytesReceived;
    const { update, bytes } = publisher.next();
    feed.publish(update, bytes);
    await settled();
    expect(replica.status().bytesReceived - before).toBe(bytes.length + 1);
  });

  it("refuses a corrupted update, serves on, and takes a snapshot when it comes again", async () => {
    await using replica = await open();
    const { version, fingerprint } = replica.status();
    const { update, bytes } = publisher.next();
    bytes[40]! ^= 1;
    feed.publish(update, bytes);
    await settled();
    expect(replica.status()).toMatchObject({ phase: "syncing", version, fingerprint, rejected: 1 });
    expect((await replica.predict(new Float32Array(20), 1)).version).toBe(0);
    await time.advance(4_000);
    expect(replica.status()).toMatchObject({ phase: "live", version: 1, snapshots: 2 });
    await publish(1);
    expect(replica.status()).toMatchObject({ phase: "live", version: 2, updatesApplied: 1 });
  });

  it("refuses an update whose entries do not fit its layout, though its checksum is right", async () => {
    await using replica = await open();
    const { update } = publisher.next();
    const layout = stateLayout([
      { name: "other", role: "parameter", dtype: "float32", shape: [9_000] },
    ]);
    const indices = Uint32Array.of(8_000);
    const foreign = {
      ...update,
      valueType: "float32",
      indices,
      values: new Float32Array(1),
    } as const;
    connections[0]!.send(frameUpdate(encodeUpdate(foreign, { layout })));
    await settled();
    expect(replica.status()).toMatchObject({ phase: "syncing", version: 0, rejected: 1 });
    await time.advance(2_000);
    expect(replica.status()).toMatchObject({ phase: "live" });
    expect(runtime.openSessions).toBe(1);
  });

  it("refuses an update that leads elsewhere than it says", async () => {
    await using replica = await open();
    const { update } = publisher.next();
    const lie = { ...update, fingerprintAfter: "0".repeat(32) };
    connections[0]!.send(frameUpdate(encodeUpdate(lie, { layout: smallManifest().layout })));
    await settled();
    expect(replica.status()).toMatchObject({ phase: "syncing", version: 0, rejected: 1 });
    expect(runtime.served).toHaveLength(1);
    await time.advance(2_000);
    expect(replica.status()).toMatchObject({ phase: "live" });
  });

  it("builds a fresh session when the old one breaks, and disposes the old one", async () => {
    await using replica = await open();
    runtime.failNext = new Error("worker died");
    await publish(1);
    expect(replica.status()).toMatchObject({ phase: "syncing", version: 0, rejected: 1 });
    await time.advance(2_000);
    expect(replica.status()).toMatchObject({ phase: "live", version: 1 });
    expect(runtime.openSessions).toBe(1);
  });

  it("does not believe a runtime that ends at another state than it was told to", async () => {
    await using replica = await open();
    runtime.lieNext = true;
    await publish(1);
    expect(replica.status()).toMatchObject({ phase: "syncing", version: 0, rejected: 1 });
    await time.advance(2_000);
    expect(replica.status()).toMatchObject({ phase: "live", version: 1, updatesApplied: 0 });
    runtime.lieNext = true;
    const fingerprint = "0".repeat(32);
    connections[0]!.send(
      encodeFeedMessage({ kind: "head", logId: "log-1", version: 1, fingerprint }),
    );
    await time.advance(4_000);
    expect(replica.status()).toMatchObject({ phase: "live", version: 1, rejected: 3 });
    expect(runtime.openSessions).toBe(1);
  });

  it("hears nothing from an attempt to connect that it has given up", async () => {
    const late = Promise.withResolvers<Connection>();
    let attempts = 0;
    const slow: Transport = {
      address: "slow:",
      open: (signal) => (attempts++ === 0 ? late.promise : transport.open(signal)),
    };
    const opening = open({ transport: slow });
    await time.advance(12_000);
    await using replica = await opening;
    late.reject(new Error("much too late"));
    await settled();
    expect(replica.status().phase).toBe("live");
    await publish(1);
    expect(replica.status()).toMatchObject({ phase: "live", version: 1 });
    expect(feed.replicas()).toMatchObject([{ version: 1 }]);
  });

  it("comes back after the connection broke, without a new snapshot when nothing was missed", async () => {
    await using replica = await open();
    transport.breakConnections();
    await settled();
    expect(replica.status().phase).toBe("connecting");
    await time.advance(1_000);
    expect(replica.status()).toMatchObject({ phase: "live", snapshots: 1 });
    expect(feed.replicas()).toMatchObject([{ version: 0 }]);
  });

  it("serves on while the server is away and follows the restarted one from its version", async () => {
    await using replica = await open();
    transport.reachable = false;
    transport.breakConnections();
    await publish(3);
    await time.advance(60_000);
    expect(replica.status()).toMatchObject({ phase: "connecting", version: 0 });
    expect((await replica.predict(new Float32Array(20), 1)).version).toBe(0);
    feed = openFeed();
    transport.reachable = true;
    await time.advance(10_000);
    expect(replica.status()).toMatchObject({ phase: "live", version: 3, snapshots: 2 });
    await publish(1);
    expect(replica.status()).toMatchObject({ version: 4, updatesApplied: 1 });
  });

  it("switches to another log's model at once, letting predictions under way end", async () => {
    await using replica = await open();
    await publish(3);
    publisher = new Publisher(new Random(2));
    feed[Symbol.dispose]();
    feed = openFeed("log-2");
    let release = (): void => undefined;
    runtime.gate = new Promise((resolve) => (release = resolve));
    const underWay = replica.predict(new Float32Array(20), 1);
    await time.advance(2_000);
    expect(runtime.openSessions).toBe(2);
    release();
    expect((await underWay).version).toBe(3);
    await settled();
    expect(replica.manifest.logId).toBe("log-2");
    const { version, fingerprint } = publisher.deployed;
    expect(replica.status()).toMatchObject({ phase: "live", version, fingerprint });
    expect(runtime.openSessions).toBe(1);
  });

  it("notices a server that has gone silent", async () => {
    await using replica = await open();
    const silent = connections[0]!;
    feed = openFeed();
    // The old feed's signs of life no longer arrive.
    Object.assign(silent, { send: () => undefined });
    const phases: string[] = [];
    void follow(replica.states(), (status) => phases.push(status.phase));
    await time.advance(20_000);
    expect(phases).toContain("connecting");
    expect(replica.status().phase).toBe("live");
    expect(connections).toHaveLength(2);
  });

  it("rejects when there is no server, with address and cause", async () => {
    transport.reachable = false;
    const error = await failure({ connectTimeoutMs: 3_000 });
    expect(error).toBeInstanceOf(ConnectError);
    expect(String(error)).toContain("memory:");
    expect(String(error)).toContain("nobody listens");
    expect(time.pending).toBe(0);
  });

  it("rejects at once when the model cannot be loaded", async () => {
    runtime.failNext = new Error("operator Foo is unknown");
    const error = await failure({});
    expect(error).toBeInstanceOf(ConnectError);
    expect(String(error)).toContain("operator Foo is unknown");
  });

  it("rejects with the reason when it is aborted before its first state", async () => {
    const controller = new AbortController();
    transport.reachable = false;
    const opening = open({ signal: controller.signal });
    const reason = new Error("changed my mind");
    await settled();
    controller.abort(reason);
    await expect(opening).rejects.toBe(reason);
    expect(time.pending).toBe(0);
  });

  it("is disposed when it is aborted later", async () => {
    const controller = new AbortController();
    const replica = await open({ signal: controller.signal });
    controller.abort();
    await settled();
    expect(replica.status().phase).toBe("closed");
    expect(runtime.openSessions).toBe(0);
  });

  it("can be disposed twice, leaves nothing behind and predicts no more", async () => {
    const replica = await open();
    await Promise.all([replica[Symbol.asyncDispose](), replica[Symbol.asyncDispose]()]);
    await replica[Symbol.asyncDispose]();
    expect(runtime.openSessions).toBe(0);
    expect(feed.replicas()).toEqual([]);
    expect(time.pending).toBe(0);
    await expect(replica.predict(new Float32Array(20), 1)).rejects.toThrow(ReplicaClosedError);
  });

  it("gives its states as they change, the newest to a slow reader, and ends", async () => {
    const replica = await open();
    const seen: number[] = [];
    const reading = follow(replica.states(), (status) => seen.push(status.version));
    await publish(1);
    await publish(1);
    const slow = replica.states()[Symbol.asyncIterator]();
    await slow.next();
    await publish(50);
    expect((await slow.next()).value).toMatchObject({ version: 52 });
    await replica[Symbol.asyncDispose]();
    expect((await slow.next()).value).toMatchObject({ phase: "closed" });
    expect((await slow.next()).done).toBe(true);
    await reading;
    expect(seen.slice(0, 3)).toEqual([0, 1, 2]);
    expect(seen.at(-1)).toBe(52);
  });
});

function openFeed(logId = "log-1"): Feed {
  const { deployed } = publisher;
  return new Feed({ manifest: smallManifest(logId), deployed, clock: time, timers: time });
}

function openTransport(): MemoryTransport {
  return new MemoryTransport({
    accept: (connection) => {
      // Through an object of its own, so that a test can cut it.
      const cuttable: FeedConnection = {
        send: (frame) => connection.send(frame),
        get bufferedBytes() {
          return connection.bufferedBytes;
        },
        close: (code, reason) => connection.close(code, reason),
      };
      connections.push(cuttable);
      return feed.connect(cuttable);
    },
  });
}

function open(options: Partial<ReplicaOptions> = {}): Promise<Replica> {
  const random = new Random(7);
  return openReplica({ transport, runtime, clock: time, timers: time, random, ...options });
}

/** The error of a replica that cannot open, after all its time has passed. */
async function failure(options: Partial<ReplicaOptions>): Promise<unknown> {
  const opening = open(options).then(
    () => new Error("it opened"),
    (error: unknown) => error,
  );
  await time.advance(30_000);
  return opening;
}

async function publish(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const { update, bytes } = publisher.next();
    feed.publish(update, bytes);
  }
  await settled();
}

async function follow(
  states: AsyncIterable<ReplicaStatus>,
  see: (status: ReplicaStatus) => void,
): Promise<void> {
  for await (const status of states) see(status);
}
