import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";

/** Stands between a feed and its replicas. */
export interface FrameProxy extends Disposable {
  /** Where replicas find it. */
  readonly url: string;
}

/**
 * A proxy on loopback that lets `meddle` look at every frame from the server, and sends on what that
 * gives, to each replica by itself.
 * @param target the feed's URL
 */
export async function frameProxy(
  target: string,
  meddle: (frame: Buffer) => Buffer,
): Promise<FrameProxy> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  server.on("connection", (downstream) => {
    const upstream = new WebSocket(target);
    const early: Buffer[] = [];
    downstream.on("message", (data: Buffer) => {
      if (upstream.readyState === WebSocket.OPEN) upstream.send(data);
      else early.push(data);
    });
    upstream.on("open", () => {
      for (const data of early) upstream.send(data);
    });
    upstream.on("message", (data: Buffer) => downstream.send(meddle(data)));
    upstream.on("close", () => downstream.close());
    upstream.on("error", () => downstream.close());
    downstream.on("close", () => upstream.close());
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}${new URL(target).pathname}`,
    [Symbol.dispose]: () => {
      for (const client of server.clients) client.terminate();
      server.close();
    },
  };
}
