import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Random } from "@everfresh/core";
import type { RetrainingCheckpoint } from "@everfresh/learn";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { retrainingFile } from "./retraining-file.ts";

const made = (step: number): RetrainingCheckpoint => ({
  step,
  version: 6,
  iteration: {
    ...{ kind: "retraining", past: 10, skipped: 0, fresh: 20, why: "it is time" },
    ...{ samples: [{ from: 0, to: 30 }], start: "cold", epochs: 2, batchSize: 8 },
    order: new Random(4, 2).position,
  },
  done: {
    ...{ losses: [0.1, 1 / 3], steps: 50, samples: 400 },
    ...{ preprocessMs: 0.25, trainMs: 80.5, durationMs: 90 },
  },
  training: { state: Uint8Array.of(1, 2, 3), optimizer: Uint8Array.of(255, step) },
});

describe("the file of a retraining", () => {
  let folder = "";
  let file = "";
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "everfresh-retraining-"));
    file = path.join(folder, "retraining.bin");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("gives back the last one that was saved, to the last bit, also to another process", async () => {
    expect(await retrainingFile(file).latest()).toBeNull();
    await retrainingFile(file).save(made(3));
    await retrainingFile(file).save(made(7));
    expect(await retrainingFile(file).latest()).toStrictEqual(made(7));
  });

  it("is there until there is a checkpoint of its iteration", async () => {
    const store = retrainingFile(file);
    await store.forgetTo(9);
    await store.save(made(7));
    await store.forgetTo(6);
    expect(await store.latest()).toStrictEqual(made(7));
    await store.forgetTo(7);
    expect([await store.latest(), existsSync(file)]).toEqual([null, false]);
  });

  it("is not believed when any byte of it was changed, or when it was cut short", async () => {
    const store = retrainingFile(file);
    await store.save(made(7));
    const bytes = readFileSync(file);
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 4;
      writeFileSync(file, changed);
      expect(await store.latest(), `byte ${at}`).toBeNull();
      writeFileSync(file, bytes.subarray(0, at));
      expect(await store.latest(), `${at} bytes`).toBeNull();
    }
  });

  it("says where it cannot be written", async () => {
    const nowhere = retrainingFile(path.join(folder, "none", "retraining.bin"));
    await expect(nowhere.save(made(7))).rejects.toMatchObject({ code: "EF_STATE_DIRECTORY" });
  });
});
