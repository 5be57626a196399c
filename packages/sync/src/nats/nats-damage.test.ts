import { Random, systemClock } from "@everfresh/core";
import { jetstreamManager } from "@nats-io/jetstream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { importSigningKey } from "../codec/signing-keys.ts";
import { encodeSnapshot } from "../codec/snapshot-codec.ts";
import { encodeUpdate } from "../codec/update-codec.ts";
import { signUpdate } from "../codec/update-signature.ts";
import { Feed } from "../feed/feed.ts";
import { connectNats } from "../node/nats/connect-nats.ts";
import { ModelBucket } from "../node/nats/model-bucket.ts";
import { Publisher, SMALL_LAYOUT, smallManifest } from "../publisher.fixture.ts";
import { decodeHttpHead } from "../transport/http/http-head.ts";
import { natsObjects } from "./nats-names.ts";
import { CutLine, HAS_NATS_SERVER, NATS_SERVER, NatsTestServer } from "./nats-server.fixture.ts";
import { NatsWorld } from "./nats-world.fixture.ts";
import { OBJECT_HEADER, UPDATE_HEADER, updateHeader } from "./stream-update.ts";

describe.runIf(HAS_NATS_SERVER)(`a model over NATS, with ${NATS_SERVER}`, () => {
  let server: NatsTestServer;
  let models = 0;
  beforeAll(async () => {
    server = await NatsTestServer.start();
  });
  afterAll(() => server[Symbol.asyncDispose]());
  const open = (options: Partial<NatsWorld["options"]> = {}): NatsWorld =>
    new NatsWorld({ servers: server.tcp, model: `damage-${models++}`, ...options });

  it("gets on where a message was lost from the stream", async () => {
    await using world = open();
    await using line = await CutLine.open(server.tcp);
    await using replica = await world.join({ servers: line.url });
    await world.publishEach(3);
    await world.reached(replica);
    line.cut();
    await world.publishEach(5);
    const stream = await world.stream();
    await stream.purge(stream.names.update("log-1", 5));
    await stream.close();
    line.mend();
    await world.reached(replica);
    expect(world.unpublished()).toEqual([]);
  });

  it("gets on where the message that was lost is the newest, or all are", async () => {
    await using world = open();
    await using line = await CutLine.open(server.tcp);
    await using replica = await world.join({ servers: line.url });
    const stream = await world.stream();
    for (const lost of ["log-1", "all"]) {
      line.cut();
      await world.publishEach(2);
      const { version } = world.publisher.deployed;
      const { names } = stream;
      await stream.purge(lost === "all" ? names.everyUpdate : names.update(lost, version - 1));
      line.mend();
      await world.publishEach(1);
      await world.reached(replica);
    }
    await stream.close();
    expect(world.unpublished()).toEqual([]);
  });

  it("gets on where the anchors were lost, and the stream itself", async () => {
    await using world = open();
    await using replica = await world.join();
    await world.publishEach(2);
    const stream = await world.stream();
    await new ModelBucket(stream).removeBut(() => false);
    await stream.close();
    await using late = await world.join();
    await world.reached(late);
    const connection = await connectNats({ servers: [server.tcp], reconnect: false });
    const manager = await jetstreamManager(connection);
    await manager.streams.delete(`everfresh-${world.options.model}`);
    await connection.close();
    await world.publishEach(1);
    await Promise.all([world.reached(replica), world.reached(late)]);
    expect(world.unpublished()).toEqual([]);
  });

  it.each([
    ["an anchor is damaged", natsObjects.anchor("log-1", 0), Uint8Array.of(1, 2, 3)],
    ["an anchor is another one", natsObjects.anchor("log-1", 0), null],
    ["the manifest is damaged", null, Uint8Array.of(1, 2, 3)],
  ])("gets on where %s", async (_, object, content) => {
    await using world = open({ limits: { anchorIntervalMs: 0, messagesMax: 1_000 } });
    await world.publishEach(3);
    const stream = await world.stream();
    const message = await stream.newest(stream.names.head);
    const { manifest } = decodeHttpHead(message?.data ?? new Uint8Array(0));
    const name = object ?? natsObjects.manifest("log-1", manifest);
    const { version, fingerprint, bytes } = world.feed.snapshot();
    const another = encodeSnapshot({ version, fingerprint, bytes });
    await new ModelBucket(stream).put(name, content ?? another);
    await stream.close();
    await using replica = await world.join();
    await world.reached(replica);
    expect(world.unpublished()).toEqual([]);
  });

  it.each(["one bit", "other values", "another update", "nothing that is an update"])(
    "refuses an update in the stream that is damaged, %s, and gets on",
    async (damage) => {
      await using world = open();
      await using replica = await world.join();
      await world.publishEach(3);
      await world.reached(replica);
      await world.nats[Symbol.asyncDispose]();
      const rival = new Publisher(new Random(5), world.copyOfPublisher().deployed);
      // As if the server had damaged it: the true update with its header, but for the damage.
      const { update, bytes } = world.publisher.next();
      world.feed.publish(update, bytes);
      const damaged = bytes.slice();
      if (damage === "one bit") damaged[bytes.length - 6]! ^= 4;
      const { toVersion: version, fingerprintAfter: fingerprint } = update;
      const values = update.values.map((value) => value + 1);
      const content = {
        "one bit": damaged,
        "other values": encodeUpdate({ ...update, values }, { layout: SMALL_LAYOUT }),
        "another update": rival.next().bytes,
      }[damage];
      const stream = await world.stream();
      await stream.publish(
        stream.names.update("log-1", update.fromVersion),
        content ?? Uint8Array.of(1),
        { lastSequence: (await stream.lastSequence()) ?? 0, publisher: "somebody" },
        { [UPDATE_HEADER]: updateHeader({ version, fingerprint }, 1_000, bytes.length) },
      );
      await stream.close();
      await expect.poll(() => replica.status().phase, { interval: 2 }).not.toBe("live");
      expect(replica.status().version).toBe(3);
      if (damage !== "another update") expect(replica.status().rejected).toBeGreaterThan(0);
      world.nats = world.openNats();
      await world.reached(replica);
      await world.publishEach(2);
      await world.reached(replica);
      expect(world.unpublished()).toEqual([]);
    },
  );

  it("gets rid of what somebody else has added, though nothing more is published", async () => {
    await using world = open();
    await using replica = await world.join();
    await world.publishEach(3);
    await world.reached(replica);
    const stream = await world.stream();
    await stream.publish(
      stream.names.update("log-1", 3),
      Uint8Array.of(1, 2, 3),
      { lastSequence: (await stream.lastSequence()) ?? 0, publisher: "somebody" },
      { [UPDATE_HEADER]: updateHeader({ version: 4, fingerprint: "0".repeat(32) }, 300, 3) },
    );
    await stream.close();
    await expect.poll(() => replica.status().rejected, { interval: 2 }).toBeGreaterThan(0);
    await expect.poll(() => replica.status().phase, { interval: 2 }).toBe("live");
    await using late = await world.join();
    await Promise.all([world.reached(replica), world.reached(late)]);
    expect(world.unpublished()).toEqual([]);
  });

  it("tells a replica that follows of a chain that begins anew", async () => {
    await using line = await CutLine.open(server.tcp);
    await using world = open({ servers: line.url, feedLimits: { historyBytesMax: 0 } });
    await using replica = await world.join({ servers: server.tcp });
    await world.publishEach(2);
    await world.reached(replica);
    line.cut();
    world.publish(5);
    line.mend();
    await world.reached(replica);
    expect(replica.status()).toMatchObject({ version: 7, rejected: 0 });
  });

  it("carries updates that are longer than a message may be", async () => {
    await using small = await NatsTestServer.start({ config: "max_payload: 1700" });
    await using world = new NatsWorld({ servers: small.tcp, model: "long" });
    await using replica = await world.join();
    for (let i = 0; i < 4; i++) {
      const { deployed } = world.publisher;
      const { length } = deployed.state.parameters;
      const indices = Uint32Array.from({ length }, (_, index) => index);
      const values = Float32Array.from(indices, (index) => Math.sin(index * i + 1));
      const update = deployed.updateFor({ valueType: "float32", indices, values, buffers: [] });
      deployed.apply(update);
      const bytes = encodeUpdate(update, { layout: deployed.state.layout });
      world.feed.publish(update, bytes);
      await world.nats.settled();
      await world.publishEach(1);
    }
    await world.reached(replica);
    expect(replica.status()).toMatchObject({ snapshots: 1, rejected: 0, version: 8 });
    const stream = await world.stream();
    const long = await stream.newest(stream.names.update("log-1", 6));
    await stream.close();
    expect(long?.data.length).toBe(0);
    expect(long?.header(OBJECT_HEADER)).toBe("log-1/updates/6");
  });

  it("takes the updates, or an anchor and the updates behind it, whichever is less", async () => {
    await using world = open({ limits: { anchorIntervalMs: 1e9 } });
    await using line = await CutLine.open(server.tcp);
    await using replica = await world.join({ servers: line.url });
    await world.publishEach(2);
    await world.reached(replica);
    const { bytesReceived } = replica.status();
    line.cut();
    const missed = await world.publishEach(4);
    line.mend();
    await world.reached(replica);
    expect(replica.status().snapshots).toBe(1);
    expect(replica.status().bytesReceived - bytesReceived).toBeLessThan(missed + 300);
  });

  it("takes nothing that the trainer has not signed, where that is required", async () => {
    const signingKey = await importSigningKey(new Uint8Array(32).fill(7));
    const publisher = new Publisher(new Random(3));
    const { deployed } = publisher;
    using feed = new Feed({
      ...{ manifest: smallManifest(), deployed, signingKey },
      clock: systemClock,
    });
    const publishSigned = async (): Promise<void> => {
      const { update, bytes } = publisher.next();
      feed.publish(update, await signUpdate(bytes, signingKey));
    };
    await using world = open();
    await world.nats[Symbol.asyncDispose]();
    world.publisher = publisher;
    world.nats = world.openNats({ feed });
    await publishSigned();
    const signatures = { required: true, keys: [signingKey.publicKey] };
    await using replica = await world.join({ signatures });
    await publishSigned();
    await world.reached(replica);
    await world.nats[Symbol.asyncDispose]();
    const stream = await world.stream();
    const intruder = new Publisher(new Random(4), world.copyOfPublisher().deployed);
    const { update, bytes } = intruder.next();
    const { toVersion: version, fingerprintAfter: fingerprint } = update;
    await stream.publish(
      stream.names.update("log-1", update.fromVersion),
      bytes,
      { lastSequence: (await stream.lastSequence()) ?? 0, publisher: "intruder" },
      { [UPDATE_HEADER]: updateHeader({ version, fingerprint }, 200, bytes.length) },
    );
    await stream.close();
    await expect.poll(() => replica.status().rejected, { interval: 2 }).toBeGreaterThan(0);
    world.nats = world.openNats({ feed });
    await publishSigned();
    await world.reached(replica);
    expect(world.runtime.served).not.toContain(fingerprint);
  });

  it("ends one of two trainers of a model: the one that came first", async () => {
    await using world = open();
    await using replica = await world.join();
    await world.publishEach(2);
    await world.reached(replica);
    const publisher = new Publisher(new Random(7));
    const manifest = smallManifest("log-2");
    using feed = new Feed({ manifest, deployed: publisher.deployed, clock: systemClock });
    await using second = world.openNats({ feed, random: new Random(77), onState: () => undefined });
    await second.settled();
    world.publish(1);
    await world.is("stopped");
    expect(world.nats.state).toMatchObject({ error: { code: "EF_NATS_SUPERSEDED" } });
    await expect.poll(() => replica.manifest.logId, { interval: 2 }).toBe("log-2");
    const { update, bytes } = publisher.next();
    feed.publish(update, bytes);
    await expect
      .poll(() => replica.status().fingerprint, { interval: 2 })
      .toBe(update.fingerprintAfter);
  });
});
