/** Samples that are pushed without labels, which come later or never: what users send, and what they see. */
import path from "node:path";
import type { ClassPrediction } from "@everfresh/client";
import { Random } from "@everfresh/core";
import type { LabelStatus, StateScores } from "@everfresh/sync";
import { describe, expect, it } from "vitest";
import {
  HAS_NATS_SERVER,
  NATS_SERVER,
  NatsTestServer,
} from "../../packages/streams/src/broker/nats-server.fixture.ts";
import { documentOf } from "./in-process.ts";
import {
  classOf,
  end,
  idOf,
  labelOf,
  PENDING_MAX,
  pointOf,
  range,
  Run,
  tested,
  writeConfig,
} from "./points-run.ts";
import { temporaryFolder } from "./program.ts";
import { idsIn } from "./pushed-rows.ts";

const POLL = { timeout: 30_000, interval: 50 };

it("predicts samples when they come, and scores that when their labels do", async () => {
  using folder = temporaryFolder();
  writeConfig(folder.path);
  let run = await Run.start(folder.path);
  const answers = new Map<number, ClassPrediction>();
  const note = async (numbers: readonly number[], version: number): Promise<void> => {
    for (const [i, answer] of (await run.answers(numbers)).entries()) {
      expect(answer.version).toBe(version);
      answers.set(numbers[i]!, answer);
    }
  };

  // Without any label: predictions are stored, and what needs no labels sees the change.
  await run.samples(range(0, 24), 24);
  expect(await run.drift()).toMatchObject({ samples: 24, labelled: 0, records: 0 });
  await run.samples(range(24, 48), 48);
  await note(range(0, 48), 0);
  const seen = await run.drift();
  expect(seen).toMatchObject({ verdict: "drift", samples: 48, labelled: 0, records: 1 });
  expect(Math.abs((seen.since?.sequence ?? 0) - 24)).toBeLessThan(8);
  expect(await run.status()).toMatchObject({ version: 0, samples: 0 });
  expect((await run.status()).strategy.intake.tested).toBe(0);

  // Labels in another order than samples; those of the last 8 are out.
  const first = range(0, 40).toReversed();
  expect(await run.labelled(first)).toMatchObject({ joined: 40, early: 0 });
  await tested(run, 40);
  await expect.poll(async () => (await run.status()).version, POLL).toBe(5);
  const { fingerprint } = await run.status();
  await run.samples(range(48, 64), 24);
  await note(range(48, 64), 5);

  run.trainer.child.kill("SIGKILL");
  await run.trainer.ended;
  run = await Run.start(folder.path);
  await expect.poll(async () => (await run.labels()).pending, POLL).toBe(24);
  await expect.poll(async () => (await run.status()).version, POLL).toBe(5);
  expect(await run.status()).toMatchObject({ version: 5, fingerprint });
  const second = [...range(50, 64), ...range(40, 46)];
  expect(await run.labelled(second)).toMatchObject({ joined: 20 });
  await tested(run, 60);
  await expect.poll(async () => (await run.status()).samples, POLL).toBe(56);

  // What the replica had answered then, and never anything newer, is scored.
  const scored = [...first, ...second];
  const right = scored.filter((n) => answers.get(n)?.classIndex === classOf(n)).length;
  const loss = scored.map((n) => {
    const { probabilities } = answers.get(n)!;
    return -Math.log(probabilities[classOf(n)]!) / scored.length;
  });
  const scores = async (): Promise<StateScores> => (await run.status()).scores!.deployed;
  await expect.poll(async () => (await scores()).samples, POLL).toBe(60);
  const { accuracy, logLoss } = (await scores()).cumulative;
  expect(accuracy).toBe(right / scored.length);
  expect(logLoss).toBeCloseTo(
    loss.reduce((sum, part) => sum + part, 0),
    5,
  );
  const { lagSamples, lagMs, joined } = await run.labels();
  expect({ joined, max: lagSamples.max }).toEqual({ joined: 60, max: 47 });
  expect(lagMs.max).toBeGreaterThan(0);
  // Errors are looked at in the order of prediction: those behind number 46 wait for its label.
  expect(await run.drift()).toMatchObject({ samples: 64, labelled: 46 });
  await run.labelled(range(46, 50));
  await tested(run, 64);
  expect(await run.drift()).toMatchObject({ samples: 64, labelled: 64 });
  await end(run);
  const learned = [...scored, ...range(46, 50)];
  expect(await idsIn(path.join(folder.path, "state"))).toEqual(learned.map(idOf));
}, 120_000);

it("counts labels that come early, again, otherwise, too late, or for nobody", async () => {
  using folder = temporaryFolder();
  writeConfig(folder.path);
  const run = await Run.start(folder.path);
  // Before their samples; one of these never comes.
  expect(await run.labelled([0, 1, 900])).toMatchObject({ joined: 0, early: 3 });
  expect(await run.labels()).toMatchObject({ early: 3, joined: 0, pending: 0 });
  expect(await run.samples(range(0, 8), 6)).toMatchObject({ accepted: 8, joined: 2 });
  expect(await run.labels()).toMatchObject({ early: 1, joined: 2, pending: 6 });
  // Again, and otherwise: the first one stands.
  const other = (n: number): "low" | "high" => (labelOf(n) === "low" ? "high" : "low");
  expect(await run.labelled([0, 1, 2])).toMatchObject({ duplicates: 2, joined: 1 });
  expect(await run.labelled([0, 2, 900], other)).toMatchObject({ unused: 3, joined: 0 });
  await tested(run, 3);
  expect(await run.labels()).toMatchObject({ duplicates: 2, conflicts: 3, joined: 3, pending: 5 });
  // Sent again, a sample is not predicted again, nor learned twice.
  expect(await run.samples(range(0, 8), 5)).toMatchObject({ accepted: 0, duplicates: 8 });
  // One that waits is erased everywhere; a label of it is then for nobody.
  const erased = await run.erase(3);
  expect(await erased.json()).toMatchObject({ erased: true, labels: true, inbox: true });
  expect(await run.labels()).toMatchObject({ pending: 4 });
  expect(await run.labelled([3])).toMatchObject({ early: 1, joined: 0 });
  // More than may wait: the oldest are given up, and their labels come too late.
  await run.samples(range(8, 8 + PENDING_MAX), PENDING_MAX);
  const labels = (): Promise<LabelStatus> => run.labels();
  await expect.poll(labels, POLL).toMatchObject({ expired: 4, pending: PENDING_MAX });
  await run.labelled([4, 5, 9]);
  await tested(run, 4);
  expect(await run.labels()).toMatchObject({
    ...{ joined: 4, pending: PENDING_MAX - 1, expired: 4, tooLate: 2, early: 2 },
  });
  const metrics = await run.metrics();
  for (const line of [
    'everfresh_labels_pending{model="points"} 59',
    'everfresh_labels_expired_total{model="points"} 4',
    'everfresh_labels_late_total{model="points"} 2',
    'everfresh_labels_early{model="points"} 2',
    'everfresh_labels_unused_total{model="points",why="conflict"} 3',
  ]) {
    expect(metrics).toContain(line);
  }
  // Neither those nor the erased one are waited for. A sample may be older than those before it.
  expect((await run.drift()).counts).toMatchObject({ expired: 5, clockBackwards: 0 });
  const older = { id: "older", at: Date.now() - 3_600_000, features: [0, 0] };
  await run.post({ samples: [older] });
  const counts = async (): Promise<object> => (await run.drift()).counts;
  await expect.poll(counts, POLL).toMatchObject({ clockBackwards: 1 });
  await end(run);
  const state = path.join(folder.path, "state");
  expect(await idsIn(state)).toEqual([0, 1, 2, 9].map(idOf));
  // What waits can be erased where nothing runs, too.
  const stopped = await documentOf(["erase", idOf(10), "--yes", "--state", state]);
  expect(stopped).toMatchObject({ erased: true, position: null, labels: true, inbox: true });
  const next = await Run.start(folder.path);
  expect(await next.labels()).toMatchObject({ pending: PENDING_MAX - 1 });
  const after = async (): Promise<object> => (await next.drift()).counts;
  await expect.poll(after, POLL).toMatchObject({ expired: 6 });
  await end(next);
}, 120_000);

it("gives up predictions whose labels take too long, once something younger comes", async () => {
  using folder = temporaryFolder();
  writeConfig(folder.path, "push({ schema, labelsFollow: true, expireAfterMs: 700 })");
  const run = await Run.start(folder.path);
  await run.send(range(0, 3), [900]);
  let next = 3;
  const younger = async (): Promise<LabelStatus> => {
    await run.send([next++], []);
    return run.labels();
  };
  await expect.poll(younger, POLL).toMatchObject({ earlyExpired: 1, early: 0 });
  // Those are given up at arrival, predictions when the run gets there.
  await expect.poll(async () => (await younger()).expired, POLL).toBeGreaterThanOrEqual(3);
  await run.labelled([0, 1]);
  const labels = (): Promise<LabelStatus> => run.labels();
  await expect.poll(labels, POLL).toMatchObject({ tooLate: 2, joined: 0 });
  await end(run);
  expect(await idsIn(path.join(folder.path, "state"))).toEqual([]);
}, 120_000);

it("loses nothing and comes to the same bits when killed in the middle", async () => {
  const whole = await drivenTo(0);
  const killed = await drivenTo(3);
  expect(killed).toEqual(whole);
  const { ids, last } = whole;
  expect(ids).toEqual(
    range(0, COUNT / BATCH - 1)
      .flatMap(batchInReverse)
      .map(idOf),
  );
  expect(last).toMatchObject({ version: (COUNT - BATCH) / 8, labelled: COUNT - BATCH });
}, 120_000);

describe.runIf(HAS_NATS_SERVER)(`a NATS stream, with ${NATS_SERVER}`, () => {
  it("may have samples, and labels of them by the header of a message", async () => {
    await using server = await NatsTestServer.start();
    using folder = temporaryFolder();
    const bytes = (row: object): Uint8Array => Buffer.from(JSON.stringify(row));
    const all = range(0, 16);
    const samples = all.map((n) => bytes({ id: idOf(n), features: pointOf(n) }));
    await server.publish("points", samples);
    writeConfig(
      folder.path,
      `natsStream({ servers: "${server.url}", stream: "points", name: "points", schema,
         labelsFollow: true })`,
    );
    const run = await Run.start(folder.path);
    await expect.poll(async () => (await run.labels()).pending, POLL).toBe(16);
    expect(await run.status()).toMatchObject({ version: 0, samples: 0 });
    const labels = all.map((n) => bytes({ id: idOf(n), label: labelOf(n) }));
    await server.publish("points", [...labels.slice(4), ...labels.slice(8)], "label");
    await tested(run, 12);
    const seen = { pending: 4, joined: 12, duplicates: 8, conflicts: 0 };
    await expect.poll(() => run.labels(), POLL).toMatchObject(seen);
    await end(run);
    expect(await idsIn(path.join(folder.path, "state"))).toEqual(range(4, 16).map(idOf));
  }, 120_000);
});

const COUNT = 620;
const BATCH = 20;
const batchInReverse = (batch: number): readonly number[] =>
  range(batch * BATCH, (batch + 1) * BATCH).toReversed();

/** Where a run ends that was killed so many times, at random moments, while it got samples and labels. */
async function drivenTo(kills: number): Promise<{ ids: readonly string[]; last: object }> {
  using folder = temporaryFolder();
  writeConfig(folder.path);
  const random = new Random(7);
  let run = await Run.start(folder.path);
  let left = kills;
  for (let batch = 0; batch < COUNT / BATCH; batch++) {
    // Labels come a batch later than their samples, and in another order.
    const labels = batch === 0 ? [] : batchInReverse(batch - 1);
    await run.send(range(batch * BATCH, (batch + 1) * BATCH), labels);
    if (left === 0 || random.float() > 0.15) continue;
    left--;
    run.trainer.child.kill("SIGKILL");
    expect((await run.trainer.ended).stderr).not.toMatch(/Replaying step/);
    run = await Run.start(folder.path);
  }
  expect(left).toBe(0);
  await tested(run, COUNT - BATCH);
  const steps = (COUNT - BATCH) / 8;
  await expect.poll(async () => (await run.status()).steps, POLL).toBe(steps);
  const scores = async (): Promise<StateScores> => (await run.status()).scores!.deployed;
  await expect.poll(async () => (await scores()).samples, POLL).toBe(COUNT - BATCH);
  const { version, fingerprint } = await run.status();
  const { labelled, samples, records, signals } = await run.drift();
  const { pending, joined, tooLate, lagSamples } = await run.labels();
  const labels = { pending, joined, tooLate, lagSamples };
  const watched = { labelled, samples, records, signals };
  const last = { version, fingerprint, scores: await scores(), ...watched, ...labels };
  expect(await end(run)).not.toMatch(/Replaying step/);
  return { ids: await idsIn(path.join(folder.path, "state")), last };
}
