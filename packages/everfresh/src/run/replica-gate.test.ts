import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { classes, type DeployedState, deployCopy, numeric, systemClock } from "@everfresh/core";
import { encodeUpdate, type HttpFeedAnswer } from "@everfresh/sync";
import { stateAt } from "@everfresh/sync/node";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { ResolvedModel } from "../config/resolve-model.ts";
import { SMALL_MODEL, writeSmallRun } from "../log/small-run.fixture.ts";
import { openStateDirectory } from "../state/state-directory.ts";
import { openStores, type Stores } from "./open-stores.ts";
import { ReplicaGate } from "./replica-gate.ts";
import { Resources } from "./resources.ts";

let folder = "";
let resources = new Resources();
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "everfresh-gate-"));
  resources = new Resources();
});
afterEach(async () => {
  await resources.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Where a head with a log id of 5 bytes has its version, which is below 128. */
const VERSION_AT = 3 + 6 + 9;

const resolved = {
  definition: { name: "small", input: numeric(6), target: classes(3) },
  model: SMALL_MODEL,
  signingKey: null,
} as unknown as ResolvedModel;

/** One life of a run's process: its stores, and the gate to its replicas. */
interface Life {
  readonly stores: Stores;
  readonly deployed: DeployedState;
  readonly gate: ReplicaGate;
}

async function begin(): Promise<Life> {
  resources = new Resources();
  const stores = await openStores(openStateDirectory(folder), resources);
  const { layout } = SMALL_MODEL.state;
  const version = stores.loggedVersion;
  const { state } = await stateAt(stores.log, { layout, version });
  const deployed = deployCopy(state, version);
  const gate = new ReplicaGate({
    ...{ resolved, logId: "log-1", history: stores.log, deployed, clock: systemClock },
    segments: stores.segments,
    onStoreError: (error) => expect(error).toBeUndefined(),
    onOpen: () => undefined,
    onAck: () => undefined,
  });
  resources.add(() => gate[Symbol.dispose]());
  gate.open();
  return { stores, deployed, gate };
}

async function publish({ stores, deployed, gate }: Life, count: number): Promise<void> {
  const { layout } = SMALL_MODEL.state;
  for (let i = 0; i < count; i++) {
    const change = {
      valueType: "float32",
      indices: Uint32Array.of(deployed.version % 40),
      values: Float32Array.of(deployed.version),
      buffers: [],
    } as const;
    const update = deployed.updateFor(change);
    const bytes = encodeUpdate(update, { layout });
    await stores.log.append(update, bytes);
    gate.open().publish(update, bytes);
    deployed.apply(update);
  }
}

const fetch = ({ gate }: Life, resource: string): Promise<HttpFeedAnswer> =>
  gate.fetch({ path: resource, ifNoneMatch: null });

/** Everything at the addresses that can be fetched of the newest versions. */
async function segmentsOf(life: Life): Promise<Map<string, string>> {
  await expect
    .poll(async () => (await fetch(life, "head")).body[VERSION_AT])
    .toBe(life.deployed.version);
  const { body } = await fetch(life, "head");
  const edition = /[0-9a-f]{8}/.exec(Buffer.from(body).toString("latin1"))?.[0] ?? "";
  const found = new Map<string, string>();
  const { version } = life.deployed;
  for (let from = Math.max(0, version - 80); from < version; from++) {
    for (let to = from + 1; to <= Math.min(version, from + 16); to++) {
      const answer = await fetch(life, `segments/log-1/${edition}/${from}-${to}`);
      if (answer.status === 200)
        found.set(`${from}-${to}`, Buffer.from(answer.body).toString("hex"));
    }
  }
  return found;
}

it("offers the same segments after a restart, over the log and the store of a run", async () => {
  await writeSmallRun(folder, { versions: 20, checkpointAt: 20 });
  const first = await begin();
  const before = await fetch(first, "head");
  await publish(first, 44);
  const offered = await segmentsOf(first);
  const spans = [...offered.keys()].map((name) => {
    const [from = 0, to = 0] = name.split("-").map(Number);
    return to - from;
  });
  // Single ones, and merged ones of which the log has not these bytes.
  expect(spans.filter((span) => span === 1)).toHaveLength(64);
  expect(spans.filter((span) => span > 1).length).toBeGreaterThan(2);
  const head = await fetch(first, "head");
  expect(head.headers["etag"]).not.toBe(before.headers["etag"]);
  await resources.close();

  const second = await begin();
  // Without anybody's asking: what is published from now on is merged over the restart.
  await publish(second, 16);
  const later = await segmentsOf(second);
  for (const [name, bytes] of offered) expect([name, later.get(name)]).toEqual([name, bytes]);
  expect([...later.keys()]).toContain("64-80");
});
