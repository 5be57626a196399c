import { classes, deployCopy, numeric, Random, systemClock } from "@everfresh/core";
import { inferenceGraph, mlp } from "@everfresh/engine";
import {
  encodeUpdate,
  Feed,
  type Manifest,
  MemoryTransport,
  openReplica,
  REPLICA_LIMITS,
} from "@everfresh/sync";
import { beforeEach, expect, it, vi } from "vitest";

import { engineRuntime } from "./engine-runtime.ts";
import type { RottingSetup } from "./rotting-worker.fixture.ts";

/** One for each worker thread that was started. */
const channels = vi.hoisted((): string[] => []);

vi.mock(import("node:worker_threads"), async (original) => {
  const real = await original();
  const fixture = new URL("./rotting-worker.fixture.ts", import.meta.url);
  class RottingWorker extends real.Worker {
    constructor(entry: string | URL, options: ConstructorParameters<typeof real.Worker>[1] = {}) {
      const rotChannel = `rot-${process.pid}-${channels.length}`;
      channels.push(rotChannel);
      const rotting: Omit<RottingSetup, "initial"> = { entry: String(entry), rotChannel };
      const setup = { ...(options.workerData as object), ...rotting };
      super(fixture, { ...options, workerData: setup });
    }
  }
  return { ...real, default: { ...real, Worker: RottingWorker }, Worker: RottingWorker };
});

const model = mlp({ inputs: 4, hidden: [9], outputs: 2, seed: 1 });
const manifest: Manifest = {
  name: "test",
  logId: "log-1",
  graph: inferenceGraph(model),
  layout: model.state.layout,
  input: model.input,
  output: model.output,
  preprocessing: numeric(4),
  target: classes(2),
};

beforeEach(() => void channels.splice(0));

it.each(["patch", "bake"] as const)(
  "a replica with a real session, mode %s, finds a flipped bit, says so and heals itself",
  async (mode) => {
    const deployed = deployCopy(model.state, 5);
    const feed = new Feed({ manifest, deployed, clock: systemClock });
    const transport = new MemoryTransport({ accept: (connection) => feed.connect(connection) });
    await using replica = await openReplica({
      ...{ transport, clock: systemClock, random: new Random(1) },
      runtime: engineRuntime({ mode }),
      limits: { scrubMs: 20 },
    });
    await expect.poll(() => replica.status().scrubs).toBeGreaterThan(1);
    expect(replica.status()).toMatchObject({ corruptions: 0, lastFault: null, snapshots: 1 });
    const inputs = Float32Array.of(1, 2, 3, 4);
    const before = (await replica.predict(inputs, 1)).outputs;

    await rot(channels.at(-1) ?? "", 7);
    await expect.poll(() => replica.status().corruptions).toBe(1);
    await expect.poll(() => replica.status().phase).toBe("live");
    const { scrubs, lastFault, snapshots } = replica.status();
    expect(lastFault?.code).toBe("EF_FINGERPRINT_MISMATCH");
    expect(snapshots).toBe(2);
    await expect.poll(() => replica.status().scrubs).toBeGreaterThan(scrubs);
    expect((await replica.predict(inputs, 1)).outputs).toEqual(before);

    const update = deployed.updateFor({
      valueType: "float32",
      indices: Uint32Array.of(1),
      values: Float32Array.of(9),
      buffers: [],
    });
    feed.publish(update, encodeUpdate(update, { layout: manifest.layout }));
    await expect.poll(() => replica.status().version).toBe(6);
    expect(replica.status()).toMatchObject({ corruptions: 1, rejected: 1 });
    feed[Symbol.dispose]();
  },
);

it("checks at least once a minute unless told otherwise", () => {
  expect(REPLICA_LIMITS.scrubMs).toBeLessThanOrEqual(60_000 / 2);
});

async function rot(channelName: string, byte: number): Promise<void> {
  const channel = new BroadcastChannel(channelName);
  const done = new Promise((resolve) => channel.addEventListener("message", resolve));
  channel.postMessage(byte);
  await done;
  channel.close();
}
