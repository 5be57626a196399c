/** The replicas of the bench `fan-out`: thousands of connections that check what they get. */
import { benchParent } from "../bench-process.ts";
import { machineMs } from "../machine-clock.ts";
import { LightReplica } from "./light-replica.ts";
import type { FromClients, ToClients } from "./messages.ts";

const parent = benchParent<FromClients, ToClients>();
const order = await parent.next();
if (order.kind !== "join") throw new Error(`"${order.kind}" came before "join"`);
const { connections } = order;
const url = new URL(order.feedUrl);

let watched: {
  readonly firstVersion: number;
  readonly atMs: Float64Array;
  open: number;
  readonly done: () => void;
} | null = null;
let hasFailed = false;

await joinAll();
for (;;) {
  const watch = await parent.next();
  if (watch.kind !== "watch") throw new Error(`"${watch.kind}" came twice`);
  const { firstVersion, versions } = watch;
  const atMs = new Float64Array(versions * connections);
  const startedCpu = process.cpuUsage();
  await new Promise<void>((done) => {
    watched = { firstVersion, atMs, open: atMs.length, done };
    parent.send({ kind: "watching" });
  });
  watched = null;
  const { user, system } = process.cpuUsage(startedCpu);
  parent.send({ kind: "checked", atMs, cpuSeconds: (user + system) / 1e6 });
}

/** All at once: what a restarted server meets. */
async function joinAll(): Promise<void> {
  const startedMs = machineMs();
  const joinMs: number[] = [];
  let bytes = 0;
  await new Promise<void>((resolve) => {
    for (let i = 0; i < connections; i++) {
      const openedMs = machineMs();
      new LightReplica(url, {
        joined: (bytesReceived) => {
          joinMs.push(machineMs() - openedMs);
          bytes += bytesReceived;
          if (joinMs.length === connections) resolve();
        },
        checked: (version) => note(i, version),
        failed: (error) => {
          if (!hasFailed) parent.send({ kind: "failed", message: error.message });
          hasFailed = true;
        },
      });
    }
  });
  const seconds = (machineMs() - startedMs) / 1_000;
  parent.send({ kind: "joined", joinMs, bytesPerJoin: bytes / connections, seconds });
}

function note(replica: number, version: number): void {
  if (watched === null) return;
  const at = version - watched.firstVersion;
  const index = at * connections + replica;
  if (at < 0 || index >= watched.atMs.length) return;
  watched.atMs[index] = machineMs();
  if (--watched.open === 0) watched.done();
}
