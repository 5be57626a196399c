import { existsSync } from "node:fs";
import path from "node:path";
import { createState, image, Random, roundTo, type StateChange } from "@everfresh/core";
import { connect } from "@everfresh/client";
import { mlp, type Model, openTrainingSession, resnet18, sgd } from "@everfresh/engine";
import { topK } from "@everfresh/learn";
import { type Browser, type CDPSession, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHROMIUM, QUIET } from "./browser.ts";
import { temporaryFolder } from "./program.ts";
import { ModelServer } from "./web-replica/model-server.ts";
import type { Journey } from "./web-replica/page.ts";
import { buildSite, serveSite } from "./web-training/site.ts";
import { samples } from "./web-training/task.ts";

const UPDATES = 1_000;
/** How many versions the page may be behind: a feed merges what more than that waits. */
const UPDATES_AHEAD = 100;
const DIGITS = image({ width: 28, height: 28, mean: [0.1307], std: [0.3081] });

// The page offers what the test asks for as a global.
declare const journey: Journey;

const digitsModel = (): Model => mlp({ inputs: 784, hidden: [16], outputs: 10, seed: 1 });

/** The changes of a short training at 1 %. */
async function recordTraining(steps: number): Promise<readonly StateChange[]> {
  const model = digitsModel();
  const deployed = createState(model.state.layout);
  deployed.parameters.set(model.state.parameters);
  const sparsifier = topK({ ratio: 0.01, valueType: "float16" });
  const options = { batchSize: 8, optimizer: sgd({ learningRate: 0.02 }), plan: { workers: 1 } };
  await using session = await openTrainingSession(model, options);
  const batches = Array.from({ length: 50 }, (_, stream) => samples(8, stream));
  const changes: StateChange[] = [];
  for (let step = 0; step < steps; step++) {
    await session.step(batches[step % batches.length]!);
    const change = sparsifier.select(session.state, deployed);
    change.indices.forEach((index, i) => (deployed.parameters[index] = change.values[i]!));
    changes.push(change);
  }
  return changes;
}

describe.runIf(existsSync(CHROMIUM))(`a replica in ${CHROMIUM}`, () => {
  const folder = temporaryFolder();
  const closing = new AsyncDisposableStack();
  let browser: Browser;
  let address: string;

  beforeAll(async () => {
    await buildSite(folder.path, path.join(import.meta.dirname, "web-replica"));
    const site = closing.use(
      await serveSite(folder.path, {
        workerless: { "content-security-policy": "worker-src 'none'" },
        strict: {
          "content-security-policy":
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; " +
            "connect-src 'self' ws://127.0.0.1:*",
        },
        wasmless: { "content-security-policy": "script-src 'self'" },
      }),
    );
    ({ address } = site);
    browser = await chromium.launch({ executablePath: CHROMIUM, args: [...QUIET] });
    closing.defer(() => browser.close());
  });

  afterAll(async () => {
    await closing.disposeAsync();
    folder[Symbol.dispose]();
  });

  async function openTab(below = ""): Promise<Page> {
    const tab = await browser.newPage();
    await tab.goto(`${address}${below}`);
    return tab;
  }

  it("ends a training of 1,000 updates where a replica in Node does", async () => {
    const changes = await recordTraining(UPDATES);
    await using server = await new ModelServer("digits", digitsModel(), DIGITS).start();
    const { url } = server;
    await using node = await connect(url, { mode: "patch" });
    await using page = await openTab();
    await page.evaluate((request) => journey.connect(request), { url });
    for (const [i, change] of changes.entries()) {
      const { toVersion } = server.publish(change);
      if ((i + 1) % UPDATES_AHEAD !== 0) continue;
      await page.evaluate((version) => journey.reach(version), toVersion);
      for await (const { version } of node.states()) if (version >= toVersion) break;
    }
    const there = await page.evaluate(() => journey.status());
    const { fingerprint } = server.deployed;
    for (const status of [there, node.status()]) {
      const expected = { version: UPDATES, fingerprint, updatesApplied: UPDATES, rejected: 0 };
      expect(status).toMatchObject({ ...expected, snapshots: 1, phase: "live" });
    }
    const random = new Random(4);
    const images = Array.from({ length: 100 }, () =>
      Array.from({ length: 784 }, () => random.below(256)),
    );
    const predictions = await page.evaluate((asked) => journey.predict(asked), { images });
    const expected = await node.predictBatch(images.map((pixels) => Uint8Array.from(pixels)));
    let difference = 0;
    for (const [i, { version, label, probabilities }] of predictions.entries()) {
      expect([version, label]).toEqual([UPDATES, expected[i]!.label]);
      probabilities.forEach((p, k) => {
        difference = Math.max(difference, Math.abs(p - expected[i]!.probabilities[k]!));
      });
    }
    // Measured 7e-7 to 3e-6: two builds of ONNX Runtime add sums up in another order.
    expect(difference).toBeLessThan(1e-5);
  });

  it("leaves the page its main thread while ResNet-18 follows updates of 0.1 %", async () => {
    const colours = image({ width: 32, height: 32, channels: 3 });
    await using server = await new ModelServer("resnet", resnet18({ seed: 1 }), colours).start();
    await using page = await openTab();
    const inspector = await page.context().newCDPSession(page);
    await inspector.send("Performance.enable", { timeDomain: "threadTicks" });
    const { url } = server;
    const before = await busyMs(inspector);
    await page.evaluate((request) => journey.connect(request), { url });
    await page.evaluate((length) => journey.predictZeros(length), 3 * 32 * 32);
    const joined = await busyMs(inspector);
    for (const change of randomChanges(server, 20)) {
      const { toVersion } = server.publish(change);
      await page.evaluate((version) => journey.reach(version), toVersion);
    }
    const followed = await busyMs(inspector);
    const { version, fingerprint, updatesApplied } = await page.evaluate(() => journey.status());
    expect({ version, fingerprint, updatesApplied }).toEqual({
      version: 20,
      fingerprint: server.deployed.fingerprint,
      updatesApplied: 20,
    });
    const heap = await inspector.send("Runtime.getHeapUsage");
    // Measured 20 ms and 20 ms; with the replica in the page's own thread 800 ms, 104 ms and 91 MB.
    expect(joined - before).toBeLessThan(300);
    expect(followed - joined).toBeLessThan(100);
    expect(heap.backingStorageSize).toBeLessThan(server.manifest.layout.byteLength / 10);
  });

  it("keeps in IndexedDB what it is given, also after somebody has deleted the database", async () => {
    await using page = await openTab();
    const name = "everfresh:contract";
    for (let round = 0; round < 2; round++) {
      expect(await page.evaluate((asked) => journey.storeContents(asked), name)).toEqual([
        null,
        [[1, 2], [3, 4, 5], [6], [7, 8], [], [9, 9, 9]],
        [[9], []],
      ]);
      await page.evaluate((asked) => journey.deleteStore(asked), name);
    }
  });

  it("answers from IndexedDB when the server is gone, and follows when it is back", async () => {
    await using server = await new ModelServer("kept", digitsModel(), DIGITS).start();
    const request = { url: server.url, store: "everfresh:kept" };
    await using page = await openTab();
    expect(await page.evaluate((asked) => journey.connect(asked), request)).toMatchObject({
      version: 0,
      snapshots: 1,
    });
    for (const change of randomChanges(server, 5)) server.publish(change);
    await page.evaluate(() => journey.stored(5));
    const kept = server.deployed.fingerprint;
    await server.stop();
    await page.reload();
    const offline = await page.evaluate((asked) => journey.connect(asked), request);
    expect(offline).toMatchObject({ version: 5, fingerprint: kept, snapshots: 0 });
    expect(offline.phase).not.toBe("live");
    expect(await page.evaluate((length) => journey.predictZeros(length), 784)).toBe(5);
    for (const change of randomChanges(server, 3)) server.publish(change);
    await server.start();
    const back = await page.evaluate(() => journey.reach(8));
    expect(back).toMatchObject({ version: 8, fingerprint: server.deployed.fingerprint });
    await page.evaluate(() => journey.stored(8));
    await page.evaluate(() => journey.close());
  });

  it("follows in every other way that there is: constant weights, the page's own transport, HTTP", async () => {
    await using server = await new ModelServer("ways", digitsModel(), DIGITS).start();
    const ways = [{ mode: "bake" }, { transport: "ofThePage" }, { transport: "http" }] as const;
    for (const way of ways) {
      await using page = await openTab();
      const request = { url: server.url, ...way };
      await page.evaluate((asked) => journey.connect(asked), request);
      for (const change of randomChanges(server, 2)) server.publish(change);
      const { version, fingerprint } = server.deployed;
      const there = await page.evaluate((asked) => journey.reach(asked), version);
      expect([way, there.fingerprint]).toEqual([way, fingerprint]);
      await expect
        .poll(() => page.evaluate((length) => journey.predictZeros(length), 784))
        .toBe(version);
      await page.evaluate(() => journey.close());
    }
  });

  it("says what the page does not have, or does not allow", async () => {
    await using server = await new ModelServer("refused", digitsModel(), DIGITS).start();
    const { url } = server;
    const refusalIn = async (below: string, more = {}): Promise<unknown> => {
      await using page = await openTab(below);
      const request = { url, connectTimeoutMs: 60_000, ...more };
      return (await page.evaluate((asked) => journey.refusal(asked), request)).code;
    };
    expect(await refusalIn("workerless/")).toBe("EF_RUNTIME_UNAVAILABLE");
    expect(await refusalIn("wasmless/")).toBe("EF_RUNTIME_UNAVAILABLE");
    expect(await refusalIn("", { wasmPaths: { wasm: "nowhere.wasm" } })).toBe(
      "EF_RUNTIME_UNAVAILABLE",
    );
    expect(await refusalIn("strict/")).toBe("none");
    await server.stop();
    expect(await refusalIn("", { connectTimeoutMs: 200 })).toBe("EF_CONNECT_FAILED");
  });
});

/** How long the page's main thread has computed so far, in milliseconds. */
async function busyMs(inspector: CDPSession): Promise<number> {
  const { metrics } = await inspector.send("Performance.getMetrics");
  return 1_000 * (metrics.find(({ name }) => name === "TaskDuration")?.value ?? NaN);
}

/** Changes of 0.1 % of the parameters, at random places. */
function* randomChanges(server: ModelServer, count: number): Generator<StateChange> {
  const random = new Random(7);
  const { parameterCount } = server.deployed.state.layout;
  const spacing = 1_000;
  for (let change = 0; change < count; change++) {
    const length = Math.floor(parameterCount / spacing);
    const indices = Uint32Array.from({ length }, (_, i) => spacing * i + random.below(spacing));
    const values = Float32Array.from(indices, () => roundTo("float16", random.normal(0, 0.05)));
    yield { valueType: "float16", indices, values, buffers: [] };
  }
}
