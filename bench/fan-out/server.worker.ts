/** The server of the bench `fan-out`: the feed of the program behind its own HTTP server. */
import { setTimeout as sleep } from "node:timers/promises";
import { benchParent } from "../bench-process.ts";
import { startFeedServer } from "../feed-server.ts";
import { machineMs } from "../machine-clock.ts";
import type { FromServer, ToServer } from "./messages.ts";

const LOOK_EVERY_MS = 20;

const parent = benchParent<FromServer, ToServer>();
const first = await parent.next();
if (first.kind !== "serve") throw new Error(`"${first.kind}" came before "serve"`);
const server = await startFeedServer(first.updates);
const { feed } = server;
let residentBytesMax = 0;
let lastCpu = process.cpuUsage();
setInterval(() => {
  residentBytesMax = Math.max(residentBytesMax, process.memoryUsage.rss());
}, LOOK_EVERY_MS);
parent.send({ kind: "serving", feedUrl: server.feedUrl });
for (;;) {
  const order = await parent.next();
  if (order.kind === "usage") await sayUsage();
  else if (order.kind === "publish") await publish(order.perSecond, order.count);
}

async function sayUsage(): Promise<void> {
  residentBytesMax = Math.max(residentBytesMax, process.memoryUsage.rss());
  // What was closed just now is let go of in the next turns.
  for (let i = 0; i < 3; i++) {
    await sleep(50);
    globalThis.gc?.();
  }
  const { user, system } = process.cpuUsage(lastCpu);
  parent.send({
    kind: "usage",
    residentBytes: process.memoryUsage.rss(),
    residentBytesMax,
    cpuSeconds: (user + system) / 1e6,
    replicas: feed.replicas().length,
  });
  residentBytesMax = 0;
  lastCpu = process.cpuUsage();
}

async function publish(perSecond: number, count: number): Promise<void> {
  const firstVersion = feed.version + 1;
  const atMs: number[] = [];
  const handedOverMs: number[] = [];
  const startMs = machineMs();
  for (let i = 0; i < count; i++) {
    await sleep(Math.max(0, startMs + (1_000 * i) / perSecond - machineMs()));
    const givenMs = machineMs();
    if (!server.publishNext()) throw new Error("There are not enough recorded updates");
    atMs.push(givenMs);
    handedOverMs.push(machineMs() - givenMs);
  }
  // Until the last one is acknowledged, or a second has passed: then something was lost.
  await sleep(1_000);
  const acknowledged = feed.replicas().filter(({ version }) => version === feed.version).length;
  parent.send({ kind: "published", firstVersion, atMs, handedOverMs, acknowledged });
}
