import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import type { FeedConnection } from "@everfresh/sync";
import type { WebSocket } from "@fastify/websocket";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FeedSockets } from "./feed-sockets.ts";

/** A socket of which the other side is played by the test. */
class FakeSocket extends EventEmitter {
  readonly OPEN = 1;
  readyState = 1;
  bufferedAmount = 0;
  pings = 0;
  terminated = false;
  closedWith: number | null = null;

  ping(): void {
    this.pings++;
  }

  terminate(): void {
    this.terminated = true;
    this.emit("close");
  }

  close(code: number): void {
    this.closedWith = code;
  }
}

describe("FeedSockets", () => {
  let sockets = new FeedSockets();
  beforeEach(() => {
    vi.useFakeTimers();
    sockets = new FeedSockets();
  });
  afterEach(() => {
    sockets[Symbol.dispose]();
    vi.useRealTimers();
  });

  const join = (): {
    socket: FakeSocket;
    written: Buffer[];
    connection: FeedConnection;
    received: Uint8Array[];
    isGone: () => boolean;
  } => {
    const socket = new FakeSocket();
    const stream = new PassThrough();
    const written: Buffer[] = [];
    vi.spyOn(stream, "write").mockImplementation((chunk: Buffer) => written.push(chunk) > 0);
    const received: Uint8Array[] = [];
    let connection: FeedConnection | null = null;
    let isGone = false;
    sockets.join(socket as unknown as WebSocket, stream, (made) => {
      connection = made;
      return {
        id: "replica-1",
        receive: (frame) => received.push(frame),
        closed: () => {
          isGone = true;
        },
      };
    });
    return { socket, written, connection: connection!, received, isGone: () => isGone };
  };

  it("makes what goes over the wire once for all sockets", () => {
    const all = Array.from({ length: 3 }, join);
    const frame = Uint8Array.of(1, 2, 3);
    for (const { connection } of all) connection.send(frame);
    const [first] = all[0]!.written;
    expect([...first!]).toEqual([0x82, 3, 1, 2, 3]);
    expect(all.every(({ written }) => written.length === 1 && written[0] === first)).toBe(true);
  });

  it("sends nothing once a socket closes", () => {
    const { connection, socket, written } = join();
    socket.readyState = 2;
    connection.send(Uint8Array.of(1));
    expect(written).toEqual([]);
  });

  it("pings every socket within 20 seconds and ends those that stay silent", () => {
    const [silent, alive] = [join(), join()];
    vi.advanceTimersByTime(20_000);
    expect([silent.socket.pings, alive.socket.pings]).toEqual([1, 1]);
    alive.socket.emit("pong");
    vi.advanceTimersByTime(20_000);
    expect(silent).toMatchObject({ socket: { pings: 1, terminated: true } });
    expect(silent.isGone()).toBe(true);
    expect(alive.socket).toMatchObject({ pings: 2, terminated: false });
    alive.socket.emit("message", Buffer.of(7), true);
    vi.advanceTimersByTime(20_000);
    expect(alive.socket).toMatchObject({ pings: 3, terminated: false });
    expect(alive.received).toEqual([Buffer.of(7)]);
  });

  it("spreads the pings of many sockets", () => {
    const all = Array.from({ length: 40 }, join);
    for (let second = 1; second <= 20; second++) {
      vi.advanceTimersByTime(1_000);
      expect(all.filter(({ socket }) => socket.pings > 0)).toHaveLength(2 * second);
    }
  });

  it("closes a socket that sends text", () => {
    const { socket, received } = join();
    socket.emit("message", Buffer.from("hello"), false);
    expect(socket.closedWith).toBe(1003);
    expect(received).toEqual([]);
  });
});
