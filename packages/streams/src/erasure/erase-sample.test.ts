import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock, pipeline, preprocessorOf } from "@everfresh/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FeatureCache } from "../features/feature-cache.ts";
import { openHistory } from "../history/sqlite-history.ts";
import { pushSource } from "../inbox/push-source.ts";
import { openLabelJoin } from "../labels/sqlite-label-join.ts";
import { openQuarantine } from "../quarantine/sqlite-quarantine.ts";
import { DIRTY_NOW_MS, DIRTY_SCHEMA, rightRow } from "../sources/dirty-rows.fixture.ts";
import { eraseSample } from "./erase-sample.ts";

const clock = new ManualClock(DIRTY_NOW_MS);
const SECRET = "s3cr3t-of-one";
const ID = "person-17";

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "everfresh-erase-"));
});
afterAll(() => rm(directory, { recursive: true }));

/** How often texts are in the files of a database. */
async function found(file: string): Promise<readonly boolean[]> {
  const parts = await Promise.all([file, `${file}-wal`].map((path) => readFile(path)));
  return [SECRET, ID].map((text) => parts.some((bytes) => bytes.includes(text)));
}

describe("an erased sample", () => {
  it("is in no store any more, nor in their files, also after they are opened again", async () => {
    const file = join(directory, "state.sqlite");
    const features = new Uint8Array(64);
    features.set(Buffer.from(SECRET));
    const sample = { id: ID, eventTimeMs: 5, features, label: 1 };
    const other = { ...sample, id: "another", features: new Uint8Array(64).fill(7) };
    const outputs = Float32Array.of(1);
    const prediction = { ...sample, version: 1, outputs, noChange: null, majority: null };
    {
      // Little in memory: what is read comes from the file.
      await using history = await openHistory({ file, hotBytesMax: 0 });
      await using labels = await openLabelJoin({ file, clock });
      await using quarantine = await openQuarantine({ file, clock });
      await using inbox = await pushSource({ file, schema: DIRTY_SCHEMA, clock, quarantine });
      await history.append([other, sample]);
      const another = { ...prediction, id: "another", features: other.features };
      const stored = [prediction, another].map(
        (each) => ({ kind: "predicted", prediction: each }) as const,
      );
      await labels.take(stored, { keepTurns: true });
      await labels.labelled([{ id: ID, label: 1 }]);
      const row = { ...rightRow(1), key: ID, job: SECRET };
      await inbox.accept({ samples: [row, rightRow(2)] });
      const unreadable = Buffer.from(`{"key": "${ID}", "job": "${SECRET}"`);
      const alike = Buffer.from(`{"key": "${ID}0"`);
      await inbox.accept({ samples: [{ ...row, age: 999 }, unreadable, alike] });
      const preprocessor = preprocessorOf(
        pipeline({
          raw: { kind: "numbers", columns: ["a"] },
          branches: [{ steps: [{ kind: "standardise" }] }],
        }),
      );
      const cache = new FeatureCache({ preprocessor, bytesMax: 1_000 });
      const statistics = preprocessor.initial();
      cache.append(0, [Float32Array.of(1), Float32Array.of(2)], statistics);
      expect(await found(file)).toEqual([true, true]);

      const stores = { history, labels, inbox, quarantine, idField: "key", cache };
      expect(await eraseSample(ID, stores)).toEqual({
        ...{ position: 1, labels: true, inbox: true, quarantined: 2 },
      });
      const [secret] = await found(file);
      expect(secret).toBe(false);
      expect(await quarantine.list()).toMatchObject([{ bytes: new Uint8Array(alike) }]);
      const again = cache.read([1], statistics, () => Promise.reject(new Error("asked again")));
      await expect(again).rejects.toThrow("asked again");
      expect(await eraseSample(ID, stores)).toEqual({
        ...{ position: null, labels: false, inbox: false },
        // Their places are known for good, with nothing else.
        quarantined: 0,
      });
      // Only the row of another, whose id looks like it, is there.
      await quarantine.erase(() => true);
      expect(await found(file)).toEqual([false, false]);
      await inbox.accept({ samples: [{ ...row, age: 999 }] });
      expect(await quarantine.list()).toEqual([]);
      await quarantine.erase(() => true);
    }
    await using history = await openHistory({ file });
    expect(history.erased()).toEqual([1]);
    expect(history.count()).toBe(2);
    expect((await history.read([0]))[0]).toEqual(other);
    expect((await history.read([1]))[0]).toMatchObject({ features: new Uint8Array(64), label: 0 });
    await using labels = await openLabelJoin({ file, clock });
    expect((await labels.joined(0, 1))[0]).toMatchObject({ label: 1, outputs });
  });
});
