/** The publisher of the bench `load`: the feed of the program, with recorded updates. */
import { setTimeout as sleep } from "node:timers/promises";
import { benchParent } from "../bench-process.ts";
import { startFeedServer } from "../feed-server.ts";
import type { FromPublisher, ToPublisher } from "./messages.ts";

const parent = benchParent<FromPublisher, ToPublisher>();
const first = await parent.next();
if (first.kind !== "serve") throw new Error(`"${first.kind}" came before "serve"`);
const server = await startFeedServer(first.updates);
parent.send({ kind: "serving", feedUrl: server.feedUrl });
for (;;) {
  const order = await parent.next();
  if (order.kind !== "replay") throw new Error(`"${order.kind}" came twice`);
  const startMs = performance.now();
  for (let i = 1; i <= order.count; i++) {
    await sleep(Math.max(0, startMs + (1_000 * i) / order.perSecond - performance.now()));
    if (!server.publishNext()) throw new Error("There are not enough recorded updates");
  }
  const { version, fingerprint } = server.feed;
  parent.send({ kind: "replayed", version, fingerprint });
}
