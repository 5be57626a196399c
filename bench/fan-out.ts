/** How updates reach many replicas at once: the feed in one process, thousands of connections in another. */
import { parseArgs } from "node:util";
import { type BenchProcess, startBenchProcess } from "./bench-process.ts";
import { checkOpenFiles } from "./fan-out/open-files.ts";
import type { FromClients, FromServer, ToClients, ToServer, Usage } from "./fan-out/messages.ts";
import { positiveOption, wholeListOption, wholeOption } from "./option-values.ts";
import { recordElsewhere } from "./start-recorder.ts";
import { type Distribution, distributionOf } from "./statistics.ts";
import { withSettings } from "./with-settings.ts";

const USAGE = `Usage: npm run bench -- fan-out [options]

The feed behind the program's own server in one process; connections that check the CRC of every
message and the chain of fingerprints, and acknowledge each version as replicas do, in a second one.
They hold no model. All of them join at once; then recorded updates of LeNet-5 go out. Times are from
an update's start on its way in the server to the check at each connection, on one clock. Memory is
the server's resident set less what it was before the first connection; the kernel's socket buffers
are not in it.

  --connections LIST      how many, one run each (default 1,100,1000,5000)
  --updates-per-second N  (default 2)
  --updates N             updates that count (default 40)
  --ratio R               part of the parameters in each update (default 0.001)
  --json                  one JSON document { model, ratio, updatesPerSecond, runs: [{ connections,
                          updates, updateBytes, latencyMs, handOverMs, serverCpuMsPerUpdate,
                          clientCpuMsPerUpdate, acknowledged,
                          join: { seconds, ms, bytesEach, serverCpuMsEach, peakKilobytesEach },
                          kilobytesEach: { joined, peak, after } }] }; latencyMs, handOverMs and
                          join.ms are { count, p50, p90, p99, max } in milliseconds; kilobytes are
                          1,000 bytes per connection: once all have joined (after a collection),
                          most while updates go out, and afterwards (after a collection)
  --help                  this text`;

const OPTIONS = {
  connections: { type: "string", default: "1,100,1000,5000" },
  "updates-per-second": { type: "string", default: "2" },
  updates: { type: "string", default: "40" },
  ratio: { type: "string", default: "0.001" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

interface Settings {
  readonly connections: readonly number[];
  readonly updatesPerSecond: number;
  readonly updates: number;
  readonly ratio: number;
  readonly json: boolean;
}

interface Run {
  readonly connections: number;
  readonly updates: number;
  readonly updateBytes: number;
  readonly latencyMs: Distribution;
  /** How long the feed's own thread is busy with one update. */
  readonly handOverMs: Distribution;
  readonly serverCpuMsPerUpdate: number;
  readonly clientCpuMsPerUpdate: number;
  /** Connections that have acknowledged the last version within a second. */
  readonly acknowledged: number;
  readonly join: {
    /** Until the last one had its snapshot. */
    readonly seconds: number;
    readonly ms: Distribution;
    readonly bytesEach: number;
    readonly serverCpuMsEach: number;
    readonly peakKilobytesEach: number;
  };
  readonly kilobytesEach: {
    readonly joined: number;
    readonly peak: number;
    readonly after: number;
  };
}

interface Report {
  readonly model: "lenet5";
  readonly ratio: number;
  readonly updatesPerSecond: number;
  readonly runs: readonly Run[];
}

/** Updates before those that count: compilers settle. */
const WARM_UP_UPDATES = 6;

/** The command `fan-out`; returns the exit status. */
export function fanOut(args: readonly string[]): Promise<number> {
  return withSettings(args, { usage: USAGE, parse }, async (settings) => {
    const { ratio, updatesPerSecond } = settings;
    const recorded = await recordElsewhere(WARM_UP_UPDATES + settings.updates, ratio);
    const runs: Run[] = [];
    for (const connections of settings.connections) {
      runs.push(await runOnce(connections, recorded, settings));
    }
    const report: Report = { model: "lenet5", ratio, updatesPerSecond, runs };
    console.log(settings.json ? JSON.stringify(report, null, 2) : table(report));
    return 0;
  });
}

function parse(args: readonly string[]): Settings | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false });
  if (values.help) return "help";
  const connections = wholeListOption("connections", values.connections);
  checkOpenFiles(Math.max(...connections));
  return {
    connections,
    updatesPerSecond: positiveOption("updates-per-second", values["updates-per-second"]),
    updates: wholeOption("updates", values.updates),
    ratio: positiveOption("ratio", values.ratio),
    json: values.json,
  };
}

type Server = BenchProcess<ToServer, FromServer>;
type Clients = BenchProcess<ToClients, FromClients>;

async function runOnce(
  connections: number,
  recorded: readonly Uint8Array[],
  { updates, updatesPerSecond }: Settings,
): Promise<Run> {
  await using server: Server = startBenchProcess(
    new URL("./fan-out/server.worker.ts", import.meta.url),
    { execArgv: ["--expose-gc"] },
  );
  server.send({ kind: "serve", updates: recorded });
  const serving = expected("serving", await server.next());
  await using clients: Clients = startBenchProcess(
    new URL("./fan-out/clients.worker.ts", import.meta.url),
  );
  const before = await usageOf(server);
  clients.send({ kind: "join", feedUrl: serving.feedUrl, connections });
  const joined = expected("joined", await clients.next());
  const joining = await usageOf(server);
  await publishTo(server, clients, { perSecond: updatesPerSecond, count: WARM_UP_UPDATES });
  await usageOf(server);
  const order = { perSecond: updatesPerSecond, count: updates };
  const { published, checked } = await publishTo(server, clients, order);
  const after = await usageOf(server);
  const latencies = Array.from(
    checked.atMs,
    (atMs, i) => atMs - (published.atMs[Math.floor(i / connections)] ?? NaN),
  );
  const each = (bytes: number): number => (bytes - before.residentBytes) / 1_000 / connections;
  return {
    connections,
    updates,
    updateBytes: recorded.reduce((sum, { length }) => sum + length, 0) / recorded.length,
    latencyMs: distributionOf(latencies),
    handOverMs: distributionOf(published.handedOverMs),
    serverCpuMsPerUpdate: (1_000 * after.cpuSeconds) / updates,
    clientCpuMsPerUpdate: (1_000 * checked.cpuSeconds) / updates,
    acknowledged: published.acknowledged,
    join: {
      seconds: joined.seconds,
      ms: distributionOf(joined.joinMs),
      bytesEach: joined.bytesPerJoin,
      serverCpuMsEach: (1_000 * joining.cpuSeconds) / connections,
      peakKilobytesEach: each(joining.residentBytesMax),
    },
    kilobytesEach: {
      joined: each(joining.residentBytes),
      peak: each(after.residentBytesMax),
      after: each(after.residentBytes),
    },
  };
}

async function publishTo(
  server: Server,
  clients: Clients,
  order: { readonly perSecond: number; readonly count: number },
): Promise<{
  readonly published: Extract<FromServer, { kind: "published" }>;
  readonly checked: Extract<FromClients, { kind: "checked" }>;
}> {
  clients.send({
    kind: "watch",
    firstVersion: nextVersion.get(server) ?? 1,
    versions: order.count,
  });
  expected("watching", await clients.next());
  server.send({ kind: "publish", ...order });
  const checked = expected("checked", await clients.next());
  const published = expected("published", await server.next());
  nextVersion.set(server, published.firstVersion + order.count);
  return { published, checked };
}

const nextVersion = new WeakMap<Server, number>();

async function usageOf(server: Server): Promise<Usage> {
  server.send({ kind: "usage" });
  return expected("usage", await server.next());
}

function expected<M extends FromServer | FromClients, K extends M["kind"]>(
  kind: K,
  message: M,
): Extract<M, { readonly kind: K }> {
  if (message.kind === "failed") throw new Error(message.message);
  if (message.kind !== kind) throw new Error(`"${message.kind}" came instead of "${kind}"`);
  return message as Extract<M, { readonly kind: K }>;
}

function table({ ratio, updatesPerSecond, runs }: Report): string {
  const row = (cells: readonly string[]): string =>
    `  ${cells.map((cell) => cell.padStart(11)).join("")}`;
  const ms = (value: number): string => value.toFixed(1);
  return [
    `Fan-out of LeNet-5 at ratio ${ratio}, ${updatesPerSecond} updates per second; from publishing to the check, in ms:`,
    row(["connections", "p50", "p99", "max", "hand over", "cpu server", "cpu clients"]),
    ...runs.map((run) =>
      row([
        `${run.connections}`,
        ms(run.latencyMs.p50),
        ms(run.latencyMs.p99),
        ms(run.latencyMs.max),
        ms(run.handOverMs.p50),
        ms(run.serverCpuMsPerUpdate),
        ms(run.clientCpuMsPerUpdate),
      ]),
    ),
    "Memory of the server per connection, in kilobytes, and the join of all at once:",
    row([
      "connections",
      "joined",
      "peak",
      "after",
      "join p50",
      "join p99",
      "all, s",
      "cpu each",
      "bytes",
      "join peak",
    ]),
    ...runs.map(({ connections, kilobytesEach, join }) =>
      row([
        `${connections}`,
        kilobytesEach.joined.toFixed(1),
        kilobytesEach.peak.toFixed(1),
        kilobytesEach.after.toFixed(1),
        ms(join.ms.p50),
        ms(join.ms.p99),
        join.seconds.toFixed(2),
        join.serverCpuMsEach.toFixed(2),
        join.bytesEach.toFixed(0),
        join.peakKilobytesEach.toFixed(0),
      ]),
    ),
  ].join("\n");
}
