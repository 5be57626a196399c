import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { type WebSocket as ServerSocket, WebSocketServer } from "ws";

import { TransportError } from "../errors.ts";
import type { FeedConnection } from "../feed/feed-connection.ts";
import type { Feed } from "../feed/feed.ts";
import { describeFollowing } from "./following.conformance.ts";
import {
  allFrames,
  describeTransport,
  type ServerSide,
  type TransportWorld,
} from "./transport.conformance.ts";
import { webSocketTransport } from "./websocket-transport.ts";

describeTransport("WebSocket", openWorld);

describeFollowing("WebSocket", async () => {
  let current: Feed | null = null;
  const sockets = new Set<ServerSocket>();
  const server = await listen((socket) => {
    if (current === null) {
      socket.terminate();
      return;
    }
    sockets.add(socket);
    const session = current.connect(connectionOf(socket));
    socket.on("message", (data: Uint8Array) => session.receive(new Uint8Array(data)));
    socket.on("close", () => {
      sockets.delete(socket);
      session.closed();
    });
  });
  const gone = await listen(() => undefined);
  await gone[Symbol.asyncDispose]();
  return {
    transport: webSocketTransport(server.url),
    unreachable: webSocketTransport(gone.url),
    serve: (feed) => (current = feed),
    stop: () => {
      current = null;
      for (const socket of sockets) socket.terminate();
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
});

describe("webSocketTransport", () => {
  const never = new AbortController().signal;

  it("says what happened when the server refuses the handshake", async () => {
    await using server = await listen((socket) => socket.close(1013, "too many"));
    const connection = await webSocketTransport(server.url).open(never);
    await expect(allFrames(connection)).resolves.toEqual([]);
  });

  it("refuses a server that sends text", async () => {
    await using server = await listen((socket) => socket.send("hello"));
    const connection = await webSocketTransport(server.url).open(never);
    await expect(allFrames(connection)).rejects.toThrow("text message");
  });

  it("ends with an error when the server dies in the middle", async () => {
    await using server = await listen((socket) => socket.terminate());
    const connection = await webSocketTransport(server.url).open(never);
    await expect(allFrames(connection)).rejects.toThrow(TransportError);
  });

  it("gives up when it is aborted in the middle of the handshake", async () => {
    // A server that accepts the connection and never answers.
    const { createServer } = await import("node:net");
    const mute = createServer().listen(0, "127.0.0.1");
    await once(mute, "listening");
    const controller = new AbortController();
    const url = `ws://127.0.0.1:${(mute.address() as AddressInfo).port}`;
    const opening = webSocketTransport(url).open(controller.signal);
    const [socket] = (await once(mute, "connection")) as [{ destroy(): void }];
    controller.abort(new Error("too slow"));
    await expect(opening).rejects.toThrow("too slow");
    socket.destroy();
    mute.close();
  });

  it("names an address that is none", async () => {
    const opening = webSocketTransport("nonsense").open(never);
    await expect(opening).rejects.toThrow(TransportError);
    await expect(opening).rejects.toThrow("nonsense");
  });
});

interface TestServer extends AsyncDisposable {
  readonly url: string;
}

async function listen(accept: (socket: ServerSocket) => void): Promise<TestServer> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  server.on("connection", accept);
  await once(server, "listening");
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const client of server.clients) client.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function connectionOf(socket: ServerSocket): FeedConnection {
  return {
    send: (frame) => socket.send(frame),
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    close: (code, reason) => socket.close(code, reason),
  };
}

async function openWorld(): Promise<TransportWorld> {
  const sides: ServerSide[] = [];
  const server = await listen((socket) => {
    const received: Uint8Array[] = [];
    const side = { connection: connectionOf(socket), received, isClosed: false };
    socket.on("message", (data: Uint8Array) => received.push(new Uint8Array(data)));
    socket.on("close", () => (side.isClosed = true));
    sides.push(side);
  });
  // Nobody listens there any more: the port was free a moment ago.
  const gone = await listen(() => undefined);
  await gone[Symbol.asyncDispose]();
  const until = async (condition: () => boolean): Promise<void> => {
    await expect.poll(condition, { interval: 2, timeout: 10_000 }).toBe(true);
  };
  return {
    transport: webSocketTransport(server.url),
    unreachable: webSocketTransport(gone.url),
    accepted: async (index) => {
      await until(() => sides[index] !== undefined);
      return sides[index]!;
    },
    until,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
