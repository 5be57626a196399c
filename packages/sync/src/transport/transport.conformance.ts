import { describe, expect, it } from "vitest";

import type { FeedConnection } from "../feed/feed-connection.ts";
import { describeOpening, type OpeningWorld } from "./opening.conformance.ts";

/** The feed's side of one connection, as the suite sees it. */
export interface ServerSide {
  readonly connection: FeedConnection;
  /** What the replica's side has sent. */
  readonly received: readonly Uint8Array[];
  /** Whether the carrier has said that the connection is gone. */
  readonly isClosed: boolean;
}

/** A transport with a server at its other end. */
export interface TransportWorld extends OpeningWorld {
  /** The server's side of connection number `index`, once it is there. */
  accepted(index: number): Promise<ServerSide>;
  /** Resolves when `condition` holds. */
  until(condition: () => boolean): Promise<void>;
}

/** What every transport must do that carries frames between a replica and a feed. */
export function describeTransport(name: string, open: () => Promise<TransportWorld>): void {
  const never = new AbortController().signal;

  describeOpening(name, open);

  describe(`${name} as a transport`, () => {
    it("carries binary frames of any length to the replica, in order", async () => {
      await using world = await open();
      const connection = await world.transport.open(never);
      const server = await world.accepted(0);
      const frames = [0, 1, 125, 126, 65_536, 1_000_000].map((length) => pattern(length));
      for (const frame of frames) server.connection.send(frame);
      server.connection.close(1000, "done");
      const received = await allFrames(connection);
      expect(received.length).toBe(frames.length);
      received.forEach((frame, i) => expect(Buffer.compare(frame, frames[i] ?? frame)).toBe(0));
    });

    it("carries binary frames to the feed, in order", async () => {
      await using world = await open();
      const connection = await world.transport.open(never);
      const server = await world.accepted(0);
      const frames = [1, 2, 200, 70_000].map((length) => pattern(length));
      for (const frame of frames) connection.send(frame);
      await world.until(() => server.received.length === frames.length);
      expect(server.received.map((frame) => frame.length)).toEqual([1, 2, 200, 70_000]);
      expect(server.received[2]).toEqual(frames[2]);
      connection.close();
    });

    it("tells the feed that the replica has gone", async () => {
      await using world = await open();
      const connection = await world.transport.open(never);
      const server = await world.accepted(0);
      connection.close();
      connection.close();
      connection.send(pattern(3));
      await world.until(() => server.isClosed);
      expect(await allFrames(connection)).toEqual([]);
    });

    it("closes when its signal is aborted", async () => {
      await using world = await open();
      const controller = new AbortController();
      await world.transport.open(controller.signal);
      const server = await world.accepted(0);
      controller.abort();
      await world.until(() => server.isClosed);
    });

    it("keeps two connections apart", async () => {
      await using world = await open();
      const first = await world.transport.open(never);
      const second = await world.transport.open(never);
      (await world.accepted(0)).connection.send(Uint8Array.of(1));
      (await world.accepted(1)).connection.send(Uint8Array.of(2));
      expect(await firstFrame(second)).toEqual(Uint8Array.of(2));
      expect(await firstFrame(first)).toEqual(Uint8Array.of(1));
      first.close();
      second.close();
    });
  });
}

/** Every frame until the connection ends. */
export async function allFrames(frames: AsyncIterable<Uint8Array>): Promise<readonly Uint8Array[]> {
  const list: Uint8Array[] = [];
  for await (const frame of frames) list.push(frame);
  return list;
}

async function firstFrame(frames: AsyncIterable<Uint8Array>): Promise<Uint8Array | null> {
  for await (const frame of frames) return frame;
  return null;
}

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + length) & 255);
}
