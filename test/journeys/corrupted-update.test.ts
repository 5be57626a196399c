import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { start, temporaryFolder } from "./program.ts";

/** A proxy that flips one bit in every `everyNth` frame of more than 100 bytes from the server. */
async function corruptingProxy(target: string, everyNth: number) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  let frames = 0;
  let corrupted = 0;
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
    upstream.on("message", (data: Buffer) => {
      const frame = Buffer.from(data);
      // Let the first frames (manifest and snapshot) through.
      if (frame.byteLength > 100 && ++frames > 3 && frames % everyNth === 0) {
        const at = (frames * 7919) % (frame.byteLength - 1);
        frame[at + 1] = (frame[at + 1] ?? 0) ^ 0x10;
        corrupted++;
      }
      downstream.send(frame);
    });
    upstream.on("close", () => downstream.close());
    upstream.on("error", () => downstream.close());
    downstream.on("close", () => upstream.close());
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}${new URL(target).pathname}`,
    corrupted: () => corrupted,
    close: () => {
      for (const client of server.clients) client.terminate();
      server.close();
    },
  };
}

it("a replica refuses corrupted updates, asks for them again and goes on to the same bits", async () => {
  using state = temporaryFolder();
  const args = ["run", "--steps", "400", "--rate", "400", "--port", "0", "--json"];
  const trainer = start([...args, "--state", state.path]);
  const [feed = ""] = await trainer.shows(/ws:\/\/127\.0\.0\.1:\d+\/\S+/);
  await trainer.shows(/ready at version/);
  const proxy = await corruptingProxy(feed, 25);
  const replica = start(["replica", proxy.url, "--json"]);
  await replica.shows(/joined digits/);
  const { status, stdout, stderr } = await trainer.ended;
  expect(status, stderr).toBe(0);
  const { fingerprint } = JSON.parse(stdout) as { fingerprint: string };
  replica.child.kill("SIGINT");
  const ended = await replica.ended;
  expect(proxy.corrupted()).toBeGreaterThan(2);
  const document = JSON.parse(ended.stdout) as Record<string, unknown>;
  expect(document).toMatchObject({ fingerprint, version: 400 });
  expect(document["rejectedUpdates"]).toBeGreaterThan(2);
  // What it missed came as updates; a snapshot only where those were corrupted too.
  expect(document["snapshots"]).toBeLessThan(Number(document["rejectedUpdates"]));
  proxy.close();
});
