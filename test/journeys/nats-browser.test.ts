import { existsSync } from "node:fs";
import path from "node:path";
import { DeployedState, image, classes, Random, systemClock } from "@everfresh/core";
import { inferenceGraph, mlp } from "@everfresh/engine";
import { encodeUpdate, Feed } from "@everfresh/sync";
import { connectNats, NatsFeed } from "@everfresh/sync/nats/node";
import { chromium } from "playwright-core";
import { describe, expect, it } from "vitest";
import {
  HAS_NATS_SERVER,
  NATS_SERVER,
  NatsTestServer,
} from "../../packages/sync/src/nats/nats-server.fixture.ts";
import { CHROMIUM, QUIET } from "./browser.ts";
import type { NatsJourney } from "./nats-replica/page.ts";
import { temporaryFolder } from "./program.ts";
import { buildSite, serveSite } from "./web-training/site.ts";

// The page offers what the test asks for as a global.
declare const journey: NatsJourney;

const canRun = HAS_NATS_SERVER && existsSync(CHROMIUM);

describe.runIf(canRun)(`a replica in ${CHROMIUM} over ${NATS_SERVER}`, () => {
  it("ends at the trainer's fingerprint, also after the server was killed", async () => {
    using folder = temporaryFolder();
    await buildSite(folder.path, path.join(import.meta.dirname, "nats-replica"));
    await using site = await serveSite(folder.path);
    await using server = await NatsTestServer.start();
    const trainer = trainerOf("page");
    using feed = trainer.feed;
    await using nats = new NatsFeed({
      ...{ servers: server.tcp, connect: connectNats, model: "page", feed },
      limits: { backoff: { baseMs: 20, capMs: 200 } },
    });
    await nats.settled();
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: [...QUIET] });
    await using closing = new AsyncDisposableStack();
    closing.defer(() => browser.close());
    const tab = await browser.newPage();
    await tab.goto(site.address);
    await tab.evaluate(([at, model]) => journey.join(at ?? "", model ?? ""), [server.ws, "page"]);
    for (let life = 0; life < 2; life++) {
      for (let i = 0; i < 50; i++) trainer.publish();
      const { fingerprint } = trainer.deployed;
      const status = await tab.evaluate((name) => journey.reach(name), fingerprint);
      expect(status).toMatchObject({ fingerprint, snapshots: 1, rejected: 0 });
      if (life > 0) break;
      await server.kill();
      for (let i = 0; i < 5; i++) trainer.publish();
      await server.start();
    }
    const answered = await tab.evaluate((length) => journey.predictZeros(length), 784);
    expect(answered).toBe(trainer.deployed.version);
  });
});

/** A model whose updates change some parameters at random. */
function trainerOf(name: string): {
  readonly feed: Feed;
  readonly deployed: DeployedState;
  publish(): void;
} {
  const model = mlp({ inputs: 784, hidden: [16], outputs: 10, seed: 1 });
  const { layout } = model.state;
  const deployed = new DeployedState(model.state, 0);
  const manifest = {
    name,
    logId: "log-1",
    graph: inferenceGraph(model),
    layout,
    input: model.input,
    output: model.output,
    preprocessing: image({ width: 28, height: 28, mean: [0], std: [1] }),
    target: classes(10),
  };
  const feed = new Feed({ manifest, deployed, clock: systemClock });
  const random = new Random(1);
  return {
    feed,
    deployed,
    publish() {
      const indices = Uint32Array.of(
        random.below(100),
        100 + random.below(layout.parameterCount - 100),
      );
      const values = Float32Array.from(indices, () => random.normal());
      const update = deployed.updateFor(
        { valueType: "float32", indices, values, buffers: [] },
        null,
      );
      deployed.apply(update);
      feed.publish(update, encodeUpdate(update, { layout }));
    },
  };
}
