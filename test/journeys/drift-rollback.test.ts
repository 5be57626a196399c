/** A stream that changes, and a run that goes back to what it was before the change. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { DriftRecord } from "@everfresh/sync";
import { openUpdateLogReader } from "@everfresh/sync/node";
import { expect, it } from "vitest";
import { start, temporaryFolder } from "./program.ts";

const EVERFRESH = path.resolve(import.meta.dirname, "../../packages/everfresh/src/index.ts");
const CHANGED_FROM = 900;
/** Enough to see the change, to go back, and to go on. */
const STEPS = 175;

/** A small network on digits that are turned from a sample on, with their labels. */
function turnedDigits(folder: string): string {
  const file = path.join(folder, "everfresh.config.ts");
  writeFileSync(
    file,
    `import { adam, classes, defineModel, digits, mlp, numeric, proactive, rotated, sparse }
       from ${JSON.stringify(EVERFRESH)};
     export default defineModel({ name: "turned", input: numeric(784), target: classes(10),
       model: ({ seed }) => mlp({ inputs: 784, hidden: [16], outputs: 10, seed }),
       source: rotated(digits({ seed: 2 }), { fromSample: ${CHANGED_FROM}, degrees: 90 }),
       strategy: proactive({ batchSize: 32 }), optimizer: adam(), deploy: sparse({ ratio: 0.02 }),
       drift: { onDrift: { kind: "rollBack" } } });`,
  );
  return file;
}

it("goes back to the last version before the change; replicas follow, and training goes on", async () => {
  using folder = temporaryFolder();
  const state = path.join(folder.path, "state");
  const place = ["--config", turnedDigits(folder.path), "--state", state];
  const trainer = start([
    ...["run", ...place, "--seed", "3", "--port", "0", "--rate", "1500"],
    ...["--steps", String(STEPS), "--json"],
  ]);
  const [, feed = ""] = await trainer.shows(/(ws:\/\/\S+)/);
  const replica = start(["replica", feed, "--json"]);
  await replica.shows(/joined turned/);
  const { stdout, stderr, status } = await trainer.ended;
  expect(status, stderr).toBe(0);
  const summary = JSON.parse(stdout) as { version: number; steps: number; fingerprint: string };
  expect(summary.steps).toBe(STEPS);

  const stored = readFileSync(path.join(state, "drift.json"), "utf8");
  const { records } = JSON.parse(stored) as { records: readonly DriftRecord[] };
  const acted = records.filter(({ action }) => action?.kind === "rollBack");
  const { range, versions } = acted[0]?.action ?? {};
  expect(acted[0]?.outcome).toBe("confirmed");
  expect(Math.abs((range?.from ?? 0) - CHANGED_FROM)).toBeLessThan(60);

  await using log = await openUpdateLogReader({ file: path.join(state, "everfresh.sqlite") });
  const entries = await log.entries({ limit: 1_000 });
  const made = entries.filter(({ rollback }) => rollback !== null).at(-1);
  // The record names the version that it has led to, which is the same as the one from before.
  expect(versions?.to).toBe(made?.version);
  const before = entries.find(({ lineage, version }) => {
    return version < (made?.version ?? 0) && (lineage?.samples ?? Infinity) <= (range?.from ?? 0);
  });
  expect(before?.lineage?.samples).toBeGreaterThan((range?.from ?? 0) - 16);
  expect(made?.fingerprint).toBe(before?.fingerprint);

  // Each rollback is a version of its own, and those after it were trained.
  const rollbacks = entries.filter(({ rollback }) => rollback !== null).length;
  expect(summary.version).toBe(STEPS + rollbacks);
  expect(summary.version).toBeGreaterThan((made?.version ?? 0) + 10);
  await replica.shows(new RegExp(`version ${summary.version}\\b`));
  replica.child.kill("SIGINT");
  expect(JSON.parse((await replica.ended).stdout)).toMatchObject({
    ...{ version: summary.version, fingerprint: summary.fingerprint, rejectedUpdates: 0 },
  });
});
