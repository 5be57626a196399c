import { EverfreshError, Random } from "@everfresh/core";
import { beforeEach, describe, expect, it } from "vitest";

import { ManualTime } from "../manual-time.fixture.ts";
import { Publisher, smallManifest } from "../publisher.fixture.ts";
import { decodeFeedMessage, encodeReplicaMessage } from "../protocol/message-codec.ts";
import {
  type FeedMessage,
  type Position,
  PROTOCOL_VERSION,
  type ReplicaMessage,
} from "../protocol/message.ts";
import type { FeedAck, FeedConnection, FeedLimits, FeedSession } from "./feed-connection.ts";
import { Feed } from "./feed.ts";

const LIMITS = {
  bufferedBytesMax: 4_000,
  snapshotIntervalMs: 1_000,
  beatMs: 2_000,
  helloMs: 10_000,
};

/** A connection that keeps what it is given; nothing leaves it until `drain`. */
class FakeConnection implements FeedConnection {
  readonly sent: FeedMessage[] = [];
  readonly frames: Uint8Array[] = [];
  bufferedBytes = 0;
  isSlow = false;
  isBroken = false;
  closed: readonly [number, string] | null = null;

  send(frame: Uint8Array): void {
    if (this.isBroken) throw new Error("broken pipe");
    if (this.isSlow) this.bufferedBytes += frame.length;
    this.frames.push(frame);
    this.sent.push(decodeFeedMessage(frame));
  }

  close(code: number, reason: string): void {
    this.closed = [code, reason];
  }

  /** What was sent since the last call, by kind. */
  take(): readonly string[] {
    return this.sent.splice(0).map((message) => message.kind);
  }
}

let time = new ManualTime();
let publisher = new Publisher(new Random(1));
let acks: FeedAck[] = [];
let feed = openFeed();

beforeEach(() => {
  time = new ManualTime();
  publisher = new Publisher(new Random(1));
  acks = [];
  feed = openFeed();
});

describe("Feed", () => {
  it("says nothing before hello, then manifest and snapshot, then every update in order", () => {
    const connection = new FakeConnection();
    const session = feed.connect(connection);
    publish(3);
    expect(connection.sent).toEqual([]);
    say(session, hello(null));
    publish(2);
    const [manifest, snapshot, ...updates] = connection.sent;
    expect(manifest).toMatchObject({ kind: "manifest", manifest: smallManifest() });
    expect(snapshot).toMatchObject({ kind: "snapshot", logId: "log-1", snapshot: { version: 3 } });
    expect(updates).toMatchObject([{ header: { toVersion: 4 } }, { header: { toVersion: 5 } }]);
  });

  it("sends all replicas the same memory, however many join and follow", () => {
    const [one, other] = [new FakeConnection(), new FakeConnection()];
    for (const connection of [one, other]) say(feed.connect(connection), hello(null));
    publish(1);
    expect(one.take()).toEqual(["manifest", "snapshot", "update"]);
    expect(one.frames.every((frame, i) => frame === other.frames[i])).toBe(true);
  });

  it("sends a snapshot that its fingerprint fits, even while the trainer goes on", () => {
    const connection = new FakeConnection();
    const { update, bytes } = publisher.next();
    // The trainer's state is at version 1 already, the feed at 0.
    say(feed.connect(connection), hello(null));
    const { version, fingerprint } = publisher.deployed;
    expect(connection.sent[1]).toMatchObject({
      snapshot: { version: 0, fingerprint: update.fingerprintBefore },
    });
    feed.publish(update, bytes);
    expect(feed).toMatchObject({ version, fingerprint });
    expect(feed.snapshot()).toMatchObject({ version, fingerprint });
  });

  it("sends a replica that has missed nothing the head alone", () => {
    const connection = new FakeConnection();
    publish(2);
    say(feed.connect(connection), hello(here()));
    expect(connection.take()).toEqual(["head"]);
  });

  it("sends a replica of the same log the updates that it misses", () => {
    const connection = new FakeConnection();
    const before = here();
    publish(1);
    say(feed.connect(connection), hello(before));
    expect(connection.sent).toMatchObject([
      { kind: "head", logId: "log-1", version: 1 },
      { header: { fromVersion: 0, toVersion: 1 } },
    ]);
  });

  it("sends a replica that it cannot bring up by updates a snapshot without the manifest", () => {
    const connection = new FakeConnection();
    const before = here();
    publish(1);
    feed = openFeed();
    publish(1);
    say(feed.connect(connection), hello(before));
    expect(connection.take()).toEqual(["snapshot"]);
  });

  it("sends a replica of another log manifest and snapshot", () => {
    const connection = new FakeConnection();
    say(feed.connect(connection), hello({ ...here(), logId: "log-0" }));
    expect(connection.take()).toEqual(["manifest", "snapshot"]);
  });

  it("sends a replica at the same version with another state a snapshot", () => {
    const connection = new FakeConnection();
    say(feed.connect(connection), hello({ ...here(), fingerprint: "0".repeat(32) }));
    expect(connection.take()).toEqual(["snapshot"]);
  });

  it("ignores updates that it has published, and lets nobody have one that does not apply", () => {
    const { connection } = join();
    const first = publisher.next();
    feed.publish(first.update, first.bytes);
    feed.publish(first.update, first.bytes);
    expect(connection.take()).toEqual(["update"]);
    const wrong = { ...publisher.next().update, fingerprintAfter: "0".repeat(32) };
    expect(() => feed.publish(wrong, first.bytes)).toThrow(EverfreshError);
    expect(connection.take()).toEqual([]);
    expect(feed.version).toBe(1);
  });

  it("stops sending to a slow replica, bounds its buffer, and resets it once it has drained", async () => {
    const slow = join();
    const quick = join();
    slow.connection.isSlow = true;
    publish(200);
    const { bufferedBytes } = slow.connection;
    const stateBytes = publisher.deployed.state.buffer.byteLength;
    expect(bufferedBytes).toBeLessThanOrEqual(LIMITS.bufferedBytesMax + stateBytes);
    expect(quick.connection.take()).toHaveLength(200);
    expect(slow.connection.take().length).toBeLessThan(100);

    await time.advance(10_000);
    expect(slow.connection.take()).toEqual([]);
    slow.connection.bufferedBytes = 0;
    slow.connection.isSlow = false;
    publish(2);
    // One update for all that it missed while it was slow, then the next.
    expect(slow.connection.sent).toMatchObject([
      { header: { toVersion: 201 } },
      { header: { fromVersion: 201, toVersion: 202 } },
    ]);
  });

  it("resets a slow replica by itself when nothing more is published", async () => {
    const slow = join();
    slow.connection.isSlow = true;
    publish(200);
    slow.connection.take();
    slow.connection.bufferedBytes = 0;
    await time.advance(2_000);
    expect(slow.connection.sent).toMatchObject([{ header: { toVersion: 200 } }]);
  });

  it("answers resync with a snapshot, and not more often than the limit says", async () => {
    const { connection, session } = join();
    await time.advance(1_000);
    for (let i = 0; i < 50; i++) say(session, { kind: "resync", reason: "diverged", have: null });
    expect(connection.take()).toEqual(["snapshot"]);
    publish(3);
    expect(connection.take()).toEqual([]);
    await time.advance(1_500);
    expect(connection.take()).toEqual(["snapshot"]);
  });

  it("sends the manifest again to a replica without one, before the next snapshot", async () => {
    const { connection, session } = join();
    say(session, { kind: "resync", reason: "noManifest", have: null });
    await time.advance(2_000);
    expect(connection.take()).toEqual(["manifest", "snapshot"]);
  });

  it("says where it is to a replica that hears nothing else", async () => {
    const { connection } = join();
    publish(1);
    expect(connection.take()).toEqual(["update"]);
    await time.advance(2_000);
    expect(connection.take()).toEqual([]);
    await time.advance(6_000);
    expect(connection.sent).toEqual(
      Array.from({ length: 3 }, () => ({
        kind: "head",
        logId: "log-1",
        version: 1,
        fingerprint: publisher.deployed.fingerprint,
      })),
    );
  });

  it("knows its replicas and how long an update took to them", async () => {
    const { session } = join();
    join();
    publish(1);
    await time.advance(7);
    const { version, fingerprint } = here();
    say(session, { kind: "ack", version, fingerprint });
    expect(acks).toEqual([{ replicaId: session.id, version: 1, latencyMs: 7 }]);
    expect(feed.replicas()).toEqual([
      { id: session.id, version, fingerprint, joinedAtMs: 1_000, lastAckMs: 1_007 },
      { id: "replica-2", version: -1, fingerprint: "", joinedAtMs: 1_000, lastAckMs: null },
    ]);
    session.closed();
    session.closed();
    expect(feed.replicas()).toHaveLength(1);
  });

  it("resets a replica that acknowledges a state that was never published", async () => {
    const { connection, session } = join();
    await time.advance(1_000);
    say(session, { kind: "ack", version: 0, fingerprint: "f".repeat(32) });
    expect(connection.take()).toEqual(["snapshot"]);
    await time.advance(1_000);
    connection.take();
    say(session, { kind: "ack", version: 9, fingerprint: "f".repeat(32) });
    expect(connection.take()).toEqual(["snapshot"]);
    expect(acks).toEqual([]);
  });

  it.each([
    ["garbage", Uint8Array.of(250, 1, 2), 1008, "violation"],
    ["too much", new Uint8Array(100_000), 1008, "violation"],
    ["nothing", new Uint8Array(0), 1008, "violation"],
    ["a second hello", encodeReplicaMessage(hello(null)), 1008, "violation"],
  ])("ends the connection that sends %s, and no other", (_, frame, code, reason) => {
    const bad = join();
    const good = join();
    bad.session.receive(frame);
    expect(bad.connection.sent).toMatchObject([{ kind: "end", reason }]);
    expect(bad.connection.closed?.[0]).toBe(code);
    bad.session.receive(frame);
    publish(1);
    expect(good.connection.take()).toEqual(["update"]);
    expect(bad.connection.take()).toEqual(["end"]);
    expect(feed.replicas()).toHaveLength(1);
  });

  it("ends the connection of a replica that speaks another protocol version", () => {
    const connection = new FakeConnection();
    say(feed.connect(connection), { kind: "hello", protocolVersion: 9, have: null });
    expect(connection.sent).toMatchObject([{ kind: "end", reason: "unsupported" }]);
    expect(connection.closed?.[0]).toBe(1002);
  });

  it("ends a connection that asks before it says hello, or never says it", async () => {
    const impolite = new FakeConnection();
    say(feed.connect(impolite), { kind: "resync", reason: "gap", have: null });
    expect(impolite.take()).toEqual(["end"]);
    const silent = new FakeConnection();
    feed.connect(silent);
    await time.advance(12_000);
    expect(silent.take()).toEqual(["end"]);
    expect(time.pending).toBe(0);
  });

  it("forgets a connection that cannot send, and keeps the others", () => {
    const broken = join();
    const good = join();
    broken.connection.isBroken = true;
    publish(2);
    expect(good.connection.take()).toEqual(["update", "update"]);
    expect(feed.replicas()).toHaveLength(1);
  });

  it("turns replicas away beyond its limit", () => {
    feed = openFeed({ connectionsMax: 1 });
    join();
    const second = new FakeConnection();
    feed.connect(second);
    expect(second.sent).toMatchObject([{ kind: "end", reason: "busy" }]);
    expect(second.closed?.[0]).toBe(1013);
  });

  it("says goodbye when it is disposed, takes nobody any more, and leaves no timer", () => {
    const { connection } = join();
    feed[Symbol.dispose]();
    feed[Symbol.dispose]();
    expect(connection.sent).toMatchObject([{ kind: "end", reason: "shutdown" }]);
    expect(connection.closed?.[0]).toBe(1001);
    const late = new FakeConnection();
    feed.connect(late);
    expect(late.closed?.[0]).toBe(1001);
    expect(time.pending).toBe(0);
  });
});

function openFeed(limits: FeedLimits = {}): Feed {
  return new Feed({
    manifest: smallManifest(),
    deployed: publisher.deployed,
    clock: time,
    timers: time,
    limits: { ...LIMITS, ...limits },
    onAck: (ack) => acks.push(ack),
  });
}

function publish(count: number): void {
  for (let i = 0; i < count; i++) {
    const { update, bytes } = publisher.next();
    feed.publish(update, bytes);
  }
}

function join(): { readonly connection: FakeConnection; readonly session: FeedSession } {
  const connection = new FakeConnection();
  const session = feed.connect(connection);
  say(session, hello(null));
  connection.take();
  return { connection, session };
}

function say(session: FeedSession, message: ReplicaMessage): void {
  session.receive(encodeReplicaMessage(message));
}

function hello(have: Position | null): ReplicaMessage {
  return { kind: "hello", protocolVersion: PROTOCOL_VERSION, have };
}

function here(): Position {
  const { version, fingerprint } = publisher.deployed;
  return { logId: "log-1", version, fingerprint };
}
