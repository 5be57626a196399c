import { jetstreamManager } from "@nats-io/jetstream";
import { describe, expect, it } from "vitest";

import { connectNats } from "../node/nats/connect-nats.ts";
import { DeployedRuntime } from "../replica/deployed-runtime.fixture.ts";
import { CutLine, HAS_NATS_SERVER, NATS_SERVER, NatsTestServer } from "./nats-server.fixture.ts";
import { natsTransport } from "./nats-transport.ts";
import { NatsWorld } from "./nats-world.fixture.ts";

describe.runIf(HAS_NATS_SERVER)(`a model over NATS, with ${NATS_SERVER}`, () => {
  it("ends at the trainer's fingerprint after 1,000 updates, by TCP and by WebSocket", async () => {
    await using server = await NatsTestServer.start();
    await using world = new NatsWorld({ servers: server.tcp, model: "thousand" });
    await using byTcp = await world.join();
    await using byWebSocket = await world.join({ servers: server.ws });
    for (let round = 0; round < 20; round++) {
      world.publish(50);
      await world.nats.settled();
    }
    await Promise.all([world.reached(byTcp), world.reached(byWebSocket)]);
    for (const replica of [byTcp, byWebSocket]) {
      expect(replica.status()).toMatchObject({ version: 1_000, rejected: 0 });
    }
    await using late = await world.join();
    await world.reached(late);
    expect(world.unpublished()).toEqual([]);
  });

  it("goes on by updates after the server was killed and started again", async () => {
    await using server = await NatsTestServer.start();
    await using world = new NatsWorld({ servers: server.tcp, model: "killed" });
    await using replica = await world.join();
    for (let life = 0; life < 3; life++) {
      await world.publishEach(5);
      await server.kill();
      await world.is("away");
      world.publish(20);
      await server.start();
      await world.reached(replica);
    }
    expect(replica.status()).toMatchObject({ rejected: 0, snapshots: 1, version: 75 });
    expect(world.unpublished()).toEqual([]);
  });

  it("publishes all that is needed again where the server has lost what it had", async () => {
    await using server = await NatsTestServer.start();
    await using world = new NatsWorld({ servers: server.tcp, model: "wiped" });
    await using replica = await world.join();
    await world.publishEach(5);
    await world.reached(replica);
    await server.kill();
    await server.wipe();
    world.publish(3);
    await server.start();
    await world.reached(replica);
    await using late = await world.join();
    await world.reached(late);
    await world.publishEach(3);
    await Promise.all([world.reached(replica), world.reached(late)]);
    expect(world.unpublished()).toEqual([]);
  });

  it("never keeps the trainer waiting, nor fills its memory, while the server is away", async () => {
    await using server = await NatsTestServer.start();
    const limits = { waitingBytesMax: 2_000 };
    await using world = new NatsWorld({ servers: server.tcp, model: "away", limits });
    await using replica = await world.join();
    await server.kill();
    await world.is("away");
    for (let i = 0; i < 500; i++) {
      world.publish(1);
      expect(world.nats.waitingBytes).toBeLessThanOrEqual(limits.waitingBytesMax);
    }
    await server.start();
    await world.reached(replica);
    expect(replica.status().version).toBe(500);
  });

  it("serves replicas that come while there is no trainer", async () => {
    await using server = await NatsTestServer.start();
    const world = new NatsWorld({ servers: server.tcp, model: "orphan" });
    await world.publishEach(5);
    await world[Symbol.asyncDispose]();
    await using replica = await world.join();
    await world.reached(replica);
    expect(replica.status().phase).toBe("live");
  });

  it("does not harm the server by replicas that are there before the model is", async () => {
    await using server = await NatsTestServer.start();
    for (let i = 0; i < 8; i++) {
      const model = `early-${i}`;
      const { signal } = new AbortController();
      const early = new NatsWorld({ servers: server.tcp, model });
      const joining = Array.from({ length: 6 }, () => early.join({ signal }));
      const replicas = await Promise.all(joining);
      await Promise.all(replicas.map((replica) => early.reached(replica)));
      await Promise.all(replicas.map((replica) => replica[Symbol.asyncDispose]()));
      await early[Symbol.asyncDispose]();
    }
  });

  it("goes on where a trainer was restarted, and follows a log that has gone back", async () => {
    await using server = await NatsTestServer.start();
    await using world = new NatsWorld({ servers: server.tcp, model: "restarted" });
    const backup = world.copyOfPublisher();
    await using replica = await world.join();
    await world.publishEach(4);
    await world.restart();
    await world.publishEach(4);
    await world.reached(replica);
    expect(replica.status()).toMatchObject({ snapshots: 1, version: 8 });
    await world.restart(backup);
    await world.nats.settled();
    await using late = await world.join();
    expect(late.status().fingerprint).toBe(backup.deployed.fingerprint);
    await world.publishEach(2);
    await world.reached(replica);
    expect(replica.status()).toMatchObject({ version: 2 });
  });

  it("keeps on the server what a slow replica has not taken yet", async () => {
    await using server = await NatsTestServer.start();
    await using world = new NatsWorld({ servers: server.tcp, model: "slow" });
    const runtime = new SlowRuntime();
    const transport = natsTransport({
      ...{ connect: connectNats, servers: server.tcp, model: "slow" },
      waitingBytesMax: 2_000,
    });
    await using replica = await world.join({ runtime, transport });
    const release = runtime.hold();
    await world.publishEach(300);
    const connection = await connectNats({ servers: [server.tcp] });
    const manager = await jetstreamManager(connection);
    const [reader] = await manager.consumers.list("everfresh-slow").next();
    await connection.close();
    expect(reader?.num_pending).toBeGreaterThan(100);
    release();
    await world.reached(replica);
    expect(replica.status()).toMatchObject({ rejected: 0, snapshots: 1, version: 300 });
  });

  it("lets a replica that was cut off catch up", async () => {
    await using server = await NatsTestServer.start();
    await using line = await CutLine.open(server.ws);
    await using world = new NatsWorld({ servers: server.tcp, model: "cut" });
    await using replica = await world.join({ servers: line.url });
    for (const missed of [1, 30]) {
      await world.publishEach(3);
      await world.reached(replica);
      line.cut();
      await world.publishEach(missed);
      line.mend();
      await world.reached(replica);
    }
    expect(replica.status().rejected).toBe(0);
  });
});

/** Takes as long for a change as it is told to. */
class SlowRuntime extends DeployedRuntime {
  #held: Promise<void> = Promise.resolve();

  /** Changes wait until the function that it returns is called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#held = promise;
    return () => resolve(undefined);
  }

  override async maybeFail(): Promise<void> {
    await this.#held;
    await super.maybeFail();
  }
}
