import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createState, deployCopy, ManualClock, Random, stateLayout } from "@everfresh/core";
import { openUpdateLog, type UpdateLog } from "@everfresh/sync/node";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LogPublisher } from "./log-publisher.ts";
import type { ReplicaGate } from "./replica-gate.ts";
import { snapshotOf } from "./snapshot-of.ts";
import { UpdateLatency } from "./update-latency.ts";

const LAYOUT = stateLayout([{ name: "w", role: "parameter", dtype: "float32", shape: [64] }]);
const ORIGIN = { step: 1, samples: 8, sampler: new Random(1).position };

let folder = "";
let log: UpdateLog;
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "everfresh-publisher-"));
  const anchors = { everyVersions: 2, outweighedBy: 1_000 };
  log = await openUpdateLog({ file: path.join(folder, "log.db"), anchors });
});
afterEach(async () => {
  await log[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe("LogPublisher", () => {
  it("logs an update, then sends it, and only then stores an anchor that is due", async () => {
    const deployed = deployCopy(createState(LAYOUT), 0);
    await log.putAnchor(snapshotOf(deployed));
    const done: string[] = [];
    const append = log.append.bind(log);
    const putAnchor = log.putAnchor.bind(log);
    vi.spyOn(log, "append").mockImplementation(async (update, ...rest) => {
      await append(update, ...rest);
      done.push(`logged ${update.toVersion}`);
    });
    vi.spyOn(log, "putAnchor").mockImplementation(async (snapshot) => {
      await putAnchor(snapshot);
      done.push(`anchor ${snapshot.version}`);
    });
    const feed = {
      publish: ({ toVersion }: { toVersion: number }) => done.push(`sent ${toVersion}`),
    };
    const publisher = new LogPublisher({
      log,
      gate: { open: () => feed } as unknown as ReplicaGate,
      latency: new UpdateLatency(new ManualClock()),
      deployed,
      signingKey: null,
    });
    for (let version = 1; version <= 5; version++) {
      const update = deployed.updateFor({
        valueType: "float32",
        indices: Uint32Array.of(version),
        values: Float32Array.of(version),
        buffers: [],
      });
      const published = await publisher.publish(update, ORIGIN);
      deployed.apply(published.update);
    }
    expect(done).toEqual([
      ...["logged 1", "sent 1", "logged 2", "sent 2"],
      ...["logged 3", "sent 3", "anchor 2"],
      ...["logged 4", "sent 4"],
      ...["logged 5", "sent 5", "anchor 4"],
    ]);
    const anchor = await log.nearestAnchor(5);
    expect(anchor).toMatchObject({ version: 4 });
  });
});
