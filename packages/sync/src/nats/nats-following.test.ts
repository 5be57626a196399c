import { Random } from "@everfresh/core";
import { afterAll, beforeAll, describe } from "vitest";

import type { Feed } from "../feed/feed.ts";
import { connectNats } from "../node/nats/connect-nats.ts";
import { describeFollowing, type FeedServer } from "../transport/following.conformance.ts";
import { describeOpening } from "../transport/opening.conformance.ts";
import { NatsFeed } from "../node/nats/nats-feed.ts";
import {
  CutLine,
  freePort,
  HAS_NATS_SERVER,
  NATS_SERVER,
  NatsTestServer,
} from "./nats-server.fixture.ts";
import { natsTransport } from "./nats-transport.ts";
import { NatsWorld, NEAR } from "./nats-world.fixture.ts";

describe.runIf(HAS_NATS_SERVER)(`with ${NATS_SERVER}`, () => {
  let server: NatsTestServer;
  let models = 0;
  beforeAll(async () => {
    server = await NatsTestServer.start();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  for (const carrier of ["TCP", "WebSocket"] as const) {
    const target = (): string => (carrier === "TCP" ? server.tcp : server.ws);
    const model = (): string => `model.${carrier}_${models++}`;

    describeFollowing(`NATS by ${carrier}`, () => openServer(target(), model()));

    describeOpening(`NATS by ${carrier}`, async () => {
      const world = new NatsWorld({ servers: target(), model: model() });
      await world.nats.settled();
      const unreachable = await nobodyLikeAt(target());
      return {
        transport: natsTransport({ connect: connectNats, ...world.options }),
        unreachable: natsTransport({ connect: connectNats, servers: unreachable, model: "x" }),
        [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
      };
    });
  }
});

/** A feed over a line to the server; the replica and the trainer use the same one. */
async function openServer(target: string, model: string): Promise<FeedServer> {
  const line = await CutLine.open(target);
  const to = { connect: connectNats, model, servers: line.url };
  let current: { readonly feed: Feed; readonly nats: NatsFeed } | null = null;
  let publishers = 0;
  return {
    transport: natsTransport({ ...to, beatMs: 1_000 }),
    unreachable: natsTransport({ ...to, servers: await nobodyLikeAt(target) }),
    serve: (feed) => {
      line.mend();
      if (current?.feed === feed) return;
      void current?.nats[Symbol.asyncDispose]();
      const random = new Random(publishers++);
      const nats = new NatsFeed({ ...to, feed, random, limits: { backoff: NEAR, closeMs: 0 } });
      current = { feed, nats };
    },
    stop: () => line.cut(),
    async [Symbol.asyncDispose]() {
      await current?.nats[Symbol.asyncDispose]();
      await line[Symbol.asyncDispose]();
    },
  };
}

/** An address of the same kind where nobody listens. */
async function nobodyLikeAt(target: string): Promise<string> {
  return `${new URL(target).protocol}//127.0.0.1:${await freePort()}`;
}
