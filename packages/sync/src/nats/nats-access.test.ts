import { describe, expect, it } from "vitest";

import { ConnectError, NatsError } from "../errors.ts";
import { connectNats } from "../node/nats/connect-nats.ts";
import { makeCredentials } from "./credentials.fixture.ts";
import { HAS_NATS_SERVER, NATS_SERVER, NatsTestServer } from "./nats-server.fixture.ts";
import { natsTransport, type NatsTransportOptions } from "./nats-transport.ts";
import { NatsWorld } from "./nats-world.fixture.ts";

const never = new AbortController().signal;
const model = "guarded";

describe.runIf(HAS_NATS_SERVER)(`access to ${NATS_SERVER}`, () => {
  it.each([
    [
      "a user",
      'authorization { user: "eva", password: "se cret" }',
      { user: "eva", pass: "se cret" },
    ],
    ["a token", 'authorization { token: "t0ken" }', { token: "t0ken" }],
  ])("is given to %s, and to nobody else", async (_, config, identity) => {
    await using server = await NatsTestServer.start({ config });
    for (const servers of [server.tcp, server.ws]) {
      await using world = new NatsWorld({ servers, model, ...identity });
      await using replica = await world.join();
      await world.publishEach(1);
      await world.reached(replica);
      expect(await faultAt({ servers, model })).toMatchObject({ fault: "unauthorized" });
      const wrong = { user: "eva", pass: "wrong" };
      const error = await faultAt({ servers, model, ...wrong });
      expect(error).toMatchObject({ code: "EF_NATS_UNAUTHORIZED" });
      expect(error.message).toContain(servers);
      expect(error.message).not.toContain("wrong");
    }
  });

  it("is given to who has credentials, and to nobody else", async () => {
    const { config, credentials } = makeCredentials();
    await using server = await NatsTestServer.start({ config });
    for (const servers of [server.tcp, server.ws]) {
      await using world = new NatsWorld({ servers, model, credentials });
      await using replica = await world.join();
      await world.publishEach(1);
      await world.reached(replica);
      const others = makeCredentials().credentials;
      expect(await faultAt({ servers, model })).toMatchObject({ fault: "unauthorized" });
      expect(await faultAt({ servers, model, credentials: others })).toMatchObject({
        fault: "unauthorized",
      });
    }
  });

  it("is given to who the address names, which no message repeats", async () => {
    const config = 'authorization { user: "eva", password: "p@ss/w" }';
    await using server = await NatsTestServer.start({ config });
    const servers = server.tcp.replace("//", "//eva:p%40ss%2Fw@");
    await using world = new NatsWorld({ servers, model });
    await using replica = await world.join();
    await world.reached(replica);
    const wrong = server.tcp.replace("//", "//eva:hidden@");
    const error = await faultAt({ servers: wrong, model });
    expect(error).toMatchObject({ fault: "unauthorized" });
    expect(error.message).not.toContain("hidden");
    expect(natsTransport({ servers: wrong, model }).address).toBe(`${server.tcp}/${model}`);
  });

  it("is said to be lacking where a user may not use JetStream", async () => {
    const config = `authorization { users: [
      { user: "all", password: "x" }
      { user: "none", password: "x", permissions: { publish: "nothing", subscribe: "_INBOX.>" } }
    ] }`;
    await using server = await NatsTestServer.start({ config });
    const error = await faultAt({ servers: server.tcp, model, user: "none", pass: "x" });
    expect(error).toMatchObject({ fault: "unauthorized" });
  });

  it("is enough for a replica with the permissions that SPEC.md names", async () => {
    const name = `everfresh-${model}`;
    const config = `authorization { users: [
      { user: "trainer", password: "x" }
      { user: "replica", password: "x", permissions: {
        publish: [
          "$JS.API.STREAM.INFO.${name}", "$JS.API.STREAM.MSG.GET.${name}",
          "$JS.API.CONSUMER.CREATE.${name}.>",
          "$JS.API.CONSUMER.MSG.NEXT.${name}.>", "$JS.API.CONSUMER.INFO.${name}.>",
          "$JS.API.CONSUMER.DELETE.${name}.>",
          "$JS.API.STREAM.INFO.OBJ_${name}", "$JS.API.STREAM.MSG.GET.OBJ_${name}",
          "$JS.API.CONSUMER.CREATE.OBJ_${name}.>", "$JS.API.CONSUMER.MSG.NEXT.OBJ_${name}.>",
          "$JS.API.CONSUMER.INFO.OBJ_${name}.>", "$JS.API.CONSUMER.DELETE.OBJ_${name}.>",
          "everfresh.${model}.asks"
        ]
        subscribe: "_INBOX.>"
      } }
    ] }`;
    await using server = await NatsTestServer.start({ config });
    const asTrainer = { servers: server.tcp, model, user: "trainer", pass: "x" };
    await using world = new NatsWorld(asTrainer);
    const asReplica = { ...asTrainer, connect: connectNats, user: "replica" };
    await using replica = await world.join({ transport: natsTransport(asReplica) });
    await world.publishEach(3);
    await world.reached(replica);
    expect(replica.status().snapshots).toBe(1);
  });
});

describe.runIf(HAS_NATS_SERVER)(`what ${NATS_SERVER} lacks`, () => {
  it("is JetStream: both sides say so, and how to mend it", async () => {
    await using server = await NatsTestServer.start({ jetStream: false });
    await using world = new NatsWorld({ servers: server.tcp, model });
    await world.is("away");
    for (const error of [awayOf(world), await faultAt({ servers: server.tcp, model })]) {
      expect(error).toMatchObject({ fault: "noJetStream", code: "EF_NATS_NO_JETSTREAM" });
      expect(String(error)).toContain(server.tcp);
      expect(String(error)).toContain("-js");
    }
  });

  it("is the model: a replica says so", async () => {
    await using server = await NatsTestServer.start();
    const error = await faultAt({ servers: server.ws, model: "unknown" });
    expect(error).toMatchObject({ fault: "noModel", code: "EF_NATS_NO_MODEL" });
    expect(error.message).toContain(`${server.ws}/unknown`);
  });

  it("is space: the trainer says so, and goes on once there is some", async () => {
    await using server = await NatsTestServer.start();
    const world = new NatsWorld({ servers: server.tcp, model, limits: { bytesMax: 2 ** 40 } });
    await world.is("away");
    expect(awayOf(world)).toMatchObject({ fault: "limits", code: "EF_NATS_LIMITS" });
    await world[Symbol.asyncDispose]();
  });

  it("is a server: the trainer says so once, and tries again", async () => {
    const server = await NatsTestServer.start();
    await using world = new NatsWorld({ servers: server.tcp, model });
    await world.nats.settled();
    await server.kill();
    await expect.poll(() => world.states.length, { interval: 2 }).toBeGreaterThan(1);
    expect(awayOf(world)).toMatchObject({ fault: "unreachable", code: "EF_NATS_UNREACHABLE" });
    await server.start();
    await world.is("publishing");
    expect(world.states.length).toBeLessThan(5);
    await server[Symbol.asyncDispose]();
  });

  it("is told to who waits for a model", async () => {
    await using server = await NatsTestServer.start();
    await using world = new NatsWorld({ servers: server.tcp, model });
    const transport = natsTransport({ connect: connectNats, servers: server.tcp, model: "none" });
    const joining = world.join({ transport, connectTimeoutMs: 300 });
    await expect(joining).rejects.toThrow(ConnectError);
    await expect(joining).rejects.toThrow("check the model's name");
  });
});

async function faultAt(options: NatsTransportOptions): Promise<NatsError> {
  const error: unknown = await natsTransport({ connect: connectNats, ...options })
    .open(never)
    .catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(NatsError);
  return error as NatsError;
}

function awayOf(world: NatsWorld): unknown {
  return world.states.flatMap((state) => (state.kind === "away" ? [state.error] : []))[0];
}
