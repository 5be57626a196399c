import { writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import {
  HAS_NATS_SERVER,
  NATS_SERVER,
  NatsTestServer,
} from "../../packages/sync/src/nats/nats-server.fixture.ts";
import { type Program, start, type Summary, temporaryFolder } from "./program.ts";

describe.runIf(HAS_NATS_SERVER)(`a model over NATS, with ${NATS_SERVER}`, () => {
  it("ends at the same bits everywhere, though the server is killed in the middle", async () => {
    await using server = await NatsTestServer.start();
    using state = temporaryFolder();
    const trainer = start([
      ...["run", "--rate", "400", "--port", "0", "--json"],
      ...["--state", state.path, "--nats", server.tcp],
    ]);
    await trainer.shows(/publishing to NATS; replicas .* nats:\/\/127\.0\.0\.1:\d+\/digits/);
    const byTcp = start(["replica", `${server.tcp}/digits`, "--json"]);
    const byWebSocket = start(["replica", `nats+${server.ws}/digits`, "--json"]);
    await Promise.all([byTcp, byWebSocket].map((replica) => replica.shows(/version [1-9]\d/)));

    await server.kill();
    await trainer.shows(/warning Connection to nats:.*\(trying again\)/);
    await Promise.all([byTcp, byWebSocket].map((replica) => replica.shows(/connecting/)));
    await server.start();
    const moving = /connecting\n([^]*fingerprint [0-9a-f]{32}\n){2}/;
    await Promise.all([byTcp, byWebSocket].map((replica) => replica.shows(moving)));
    trainer.child.kill("SIGINT");

    const { status, stdout, stderr } = await trainer.ended;
    expect(status, stderr).toBe(0);
    const { fingerprint, version } = JSON.parse(stdout) as Summary;
    for (const replica of [byTcp, byWebSocket]) {
      await replica.shows(new RegExp(fingerprint));
      expect(await resultOf(replica)).toMatchObject({ version, fingerprint, snapshots: 1 });
    }
  }, 180_000);

  it("is published where a configuration says, to who may read it there", async () => {
    const config = 'authorization { user: "eva", password: "secret" }';
    await using server = await NatsTestServer.start({ config });
    using folder = temporaryFolder();
    writeConfig(folder.path, server.tcp);
    const trainer = start(
      ["run", "--steps", "40", "--port", "0", "--json", "--config", "everfresh.config.ts"],
      folder.path,
    );
    const { status, stdout, stderr } = await trainer.ended;
    expect(status, stderr).toBe(0);
    expect(stderr).not.toContain("secret");
    const { fingerprint } = JSON.parse(stdout) as Summary;
    const address = `${server.tcp.replace("//", "//eva:secret@")}/my.model`;
    const replica = start(["replica", address, "--json"]);
    await replica.shows(new RegExp(fingerprint));
    const { rejectedUpdates } = await resultOf(replica);
    expect(rejectedUpdates).toBe(0);
  }, 120_000);
});

interface ReplicaResult {
  readonly version: number;
  readonly fingerprint: string;
  readonly rejectedUpdates: number;
}

async function resultOf(replica: Program): Promise<ReplicaResult> {
  replica.child.kill("SIGINT");
  const { status, stdout, stderr } = await replica.ended;
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as ReplicaResult;
}

/** A model "my.model" that is published to a server which wants to know who asks. */
function writeConfig(folder: string, servers: string): void {
  const program = path.resolve(import.meta.dirname, "../../packages/everfresh/src/index.ts");
  writeFileSync(
    path.join(folder, "everfresh.config.ts"),
    `import { adam, classes, defineModel, digits, image, lenet5, nats, proactive, sparse } from
       ${JSON.stringify(pathToFileURL(program).href)};
     export default defineModel({
       name: "my.model",
       model: lenet5,
       input: image({ width: 28, height: 28, channels: 1, mean: [0.1307], std: [0.3081] }),
       target: classes(10),
       source: digits({ seed: 1 }),
       strategy: proactive({ triggerSize: 8, batchSize: 32 }),
       optimizer: adam(),
       deploy: sparse({ ratio: 1e-3 }),
       feed: nats({ servers: ${JSON.stringify(servers)}, user: "eva", password: "secret" }),
     });`,
  );
}
