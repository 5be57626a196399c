import { cpSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type LogEntry, openUpdateLogReader } from "@everfresh/sync/node";
import { describe, expect, it } from "vitest";
import { run, start, summaryOf, temporaryFolder } from "./program.ts";

interface Listed {
  readonly newest: number;
  readonly versions: readonly LogEntry[];
}

async function documentOf<T>(args: readonly string[]): Promise<T> {
  const { status, stdout, stderr } = await run([...args, "--json"]);
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as T;
}

/** The log of a state directory, read here: starting the program for it would take much longer. */
async function listed(state: string): Promise<Listed> {
  await using log = await openUpdateLogReader({ file: path.join(state, "everfresh.sqlite") });
  const versions = await log.entries({ limit: 1_000 });
  return { newest: versions[0]?.version ?? 0, versions };
}

const fingerprintAt = ({ versions }: Listed, wanted: number): string | undefined =>
  versions.find(({ version }) => version === wanted)?.fingerprint;

/** The options of a run that learns a small model of nothing but its stream, so that it ends at once. */
function smallModel(folder: string): readonly string[] {
  const file = path.join(folder, "everfresh.config.ts");
  const everfresh = path.resolve(import.meta.dirname, "../../packages/everfresh/src/index.ts");
  writeFileSync(
    file,
    `import { adam, classes, defineModel, digits, mlp, numeric, proactive, sparse } from ${JSON.stringify(everfresh)};
     export default defineModel({ name: "small", model: mlp({ inputs: 784, hidden: [8], outputs: 10 }),
       input: numeric(784), target: classes(10), source: digits(), strategy: proactive(),
       optimizer: adam(), deploy: sparse() });`,
  );
  return ["--config", file];
}

async function statusOf(feed: string): Promise<{ version: number; steps: number }> {
  const response = await fetch(feed.replace("ws:", "http:"));
  return (await response.json()) as { version: number; steps: number };
}

describe("everfresh rollback", () => {
  it("brings back a version while the trainer runs; the replica follows and training goes on", async () => {
    using folder = temporaryFolder();
    const state = ["--state", folder.path];
    const args = ["run", "--rate", "200", "--seed", "4", "--steps", "100", ...state];
    const trainer = start([...args, "--port", "0", "--json"]);
    const [, feed = ""] = await trainer.shows(/(ws:\/\/\S+)/);
    const replica = start(["replica", feed, "--json"]);
    await replica.shows(/joined digits/);
    await expect
      .poll(async () => (await statusOf(feed)).version, { timeout: 30_000 })
      .toBeGreaterThan(30);

    const report = await documentOf<Record<string, unknown>>([
      ...["rollback", "12", "--exclude-since", "--yes"],
      ...state,
    ]);
    expect(report).toMatchObject({ rolledBackTo: 12, optimizer: "reset", excluded: { from: 96 } });

    const { stdout, stderr, status: code } = await trainer.ended;
    expect(code, stderr).toBe(0);
    const summary = JSON.parse(stdout) as { version: number; steps: number; fingerprint: string };
    // One version for the rollback itself.
    expect(summary).toMatchObject({ steps: 100, version: 101 });
    await replica.shows(/version 101\b/);
    replica.child.kill("SIGINT");
    expect(JSON.parse((await replica.ended).stdout)).toMatchObject({
      version: 101,
      fingerprint: summary.fingerprint,
      snapshots: 1,
      rejectedUpdates: 0,
    });
    const log = await listed(folder.path);
    expect(fingerprintAt(log, report["version"] as number)).toBe(fingerprintAt(log, 12));
    expect(log.versions.filter(({ rollback }) => rollback !== null)).toHaveLength(1);
  });

  it("works where no trainer runs, and a trainer that is killed goes on from it to the same bits", async () => {
    using folder = temporaryFolder();
    const [state, copy] = [path.join(folder.path, "a"), path.join(folder.path, "b")];
    const args = ["run", ...smallModel(folder.path), "--port", "0"];
    const killed = start([...args, "--rate", "400", "--state", state]);
    const [, feed = ""] = await killed.shows(/(ws:\/\/\S+)/);
    await expect
      .poll(async () => (await statusOf(feed)).version, { timeout: 30_000 })
      .toBeGreaterThan(20);
    killed.child.kill("SIGKILL");
    await killed.ended;

    const before = await listed(state);
    const report = await documentOf<{ version: number; excluded: { from: number; to: number } }>([
      ...["rollback", "10", "--exclude-since", "--yes", "--state", state],
    ]);
    const head = before.versions[0];
    expect(report).toMatchObject({
      version: before.newest + 1,
      fingerprint: fingerprintAt(before, 10),
      excluded: { from: 80, to: head?.lineage?.samples },
    });

    cpSync(state, copy, { recursive: true });
    const whole = await summaryOf([...args, "--steps", "40", "--state", state]);
    const first = start([...args, "--steps", "40", "--rate", "250", "--state", copy]);
    await first.shows(/ready at version/);
    await sleep(700);
    first.child.kill("SIGKILL");
    await first.ended;
    const resumed = await summaryOf([...args, "--steps", "40", "--state", copy]);
    expect(resumed).toMatchObject({ version: whole.version, fingerprint: whole.fingerprint });
    expect((await listed(copy)).versions.find(({ rollback }) => rollback)?.rollback).toMatchObject({
      toVersion: 10,
      excluded: report.excluded,
    });
  });

  it("has happened or has not, whenever it is killed", async () => {
    using folder = temporaryFolder();
    const state = path.join(folder.path, "state");
    const args = ["run", ...smallModel(folder.path), "--port", "0", "--state", state];
    await summaryOf([...args, "--steps", "15"]);
    const rollback = ["rollback", "7", "--yes", "--state", state];
    const startedMs = performance.now();
    expect((await run(rollback)).status).toBe(0);
    const wholeMs = performance.now() - startedMs;
    for (const share of [0.6, 0.8, 0.95]) {
      const before = await listed(state);
      const killed = start(rollback);
      await sleep(share * wholeMs);
      killed.child.kill("SIGKILL");
      await killed.ended;
      const after = await listed(state);
      expect(after.newest - before.newest).toBeLessThanOrEqual(1);
      const wanted = after.newest > before.newest ? 7 : before.newest;
      expect(fingerprintAt(after, after.newest)).toBe(fingerprintAt(before, wanted));
    }
    const { newest } = await listed(state);
    const summary = await summaryOf([...args, "--steps", "3"]);
    expect(summary).toMatchObject({ version: newest + 3, steps: 18 });
  });

  it("names the nearest version when the one asked for is not kept, and asks before it acts", async () => {
    using folder = temporaryFolder();
    const state = ["--state", folder.path];
    await summaryOf(["run", "--port", "0", "--steps", "3", ...state]);
    const unknown = await run(["rollback", "9", "--yes", ...state]);
    expect(unknown.status).toBe(5);
    expect(unknown.stderr).toMatch(/EF_VERSION_NOT_KEPT: .*the nearest is 3/);
    const unasked = await run(["rollback", "1", ...state]);
    expect(unasked.status).toBe(2);
    expect((await listed(folder.path)).newest).toBe(3);
  });
});
