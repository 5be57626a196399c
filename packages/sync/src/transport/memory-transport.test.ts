import { describe, expect, it } from "vitest";

import { TransportError } from "../errors.ts";
import type { FeedConnection, FeedSession } from "../feed/feed-connection.ts";
import type { Feed } from "../feed/feed.ts";
import { settled } from "../manual-time.fixture.ts";
import { describeFollowing } from "./following.conformance.ts";
import { MemoryTransport } from "./memory-transport.ts";
import {
  allFrames,
  describeTransport,
  type ServerSide,
  type TransportWorld,
} from "./transport.conformance.ts";

describeTransport("MemoryTransport", () => Promise.resolve(openWorld()));

describeFollowing("MemoryTransport", () => {
  let current: Feed | null = null;
  const accept = (connection: FeedConnection): FeedSession => {
    if (current === null) throw new Error("never called");
    return current.connect(connection);
  };
  const transport = new MemoryTransport({ accept });
  const unreachable = new MemoryTransport({ address: "memory:nowhere", accept });
  unreachable.reachable = false;
  return Promise.resolve({
    transport,
    unreachable,
    serve: (feed) => {
      current = feed;
      transport.reachable = true;
    },
    stop: () => {
      transport.reachable = false;
      transport.breakConnections();
    },
    [Symbol.asyncDispose]: settled,
  });
});

describe("MemoryTransport", () => {
  it("breaks connections with an error for the replica", async () => {
    const world = openWorld();
    const connection = await world.transport.open(new AbortController().signal);
    world.transport.breakConnections();
    await expect(allFrames(connection)).rejects.toThrow(TransportError);
  });
});

function openWorld(): TransportWorld & { readonly transport: MemoryTransport } {
  const sides: ServerSide[] = [];
  const transport = new MemoryTransport({
    accept: (connection) => {
      const side = { connection, received: [] as Uint8Array[], isClosed: false };
      sides.push(side);
      return {
        id: "only",
        receive: (frame) => void side.received.push(frame),
        closed: () => (side.isClosed = true),
      };
    },
  });
  const unreachable = new MemoryTransport({
    address: "memory:nowhere",
    accept: () => {
      throw new Error("never called");
    },
  });
  unreachable.reachable = false;
  const until = async (condition: () => boolean): Promise<void> => {
    await settled();
    expect(condition()).toBe(true);
  };
  const accepted = async (index: number): Promise<ServerSide> => {
    await until(() => sides[index] !== undefined);
    return sides[index]!;
  };
  return { transport, unreachable, accepted, until, [Symbol.asyncDispose]: settled };
}
