import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TrainerCheckpoint } from "@everfresh/learn";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkpointFile } from "./checkpoint-file.ts";

const score = { correct: 3, total: 4, window: "1101" };
const checkpoint: TrainerCheckpoint = {
  step: 12,
  samples: 96,
  version: 11,
  fingerprint: "0123456789abcdef0123456789abcdef",
  deployed: Uint8Array.of(1, 2, 3),
  training: { state: Uint8Array.of(4, 5), optimizer: Uint8Array.of(6, 7, 8, 9) },
  sampler: { seed: 1, stream: 2, drawn: 3 },
  prequential: { trained: score, deployed: score },
};

describe("the checkpoint file", () => {
  let folder = "";
  let file = "";
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "everfresh-checkpoint-"));
    file = path.join(folder, "checkpoint.bin");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("gives back what was saved last, and null before that", async () => {
    const store = checkpointFile(file);
    expect(await store.latest()).toBeNull();
    await store.save({ ...checkpoint, step: 11 });
    await store.save(checkpoint);
    expect(await store.latest()).toEqual(checkpoint);
  });

  it("refuses a file in which any one byte was changed, or that was cut short", async () => {
    const store = checkpointFile(file);
    await store.save(checkpoint);
    const good = readFileSync(file);
    for (let at = 0; at < good.byteLength; at++) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] ?? 0) ^ 0x40;
      writeFileSync(file, bad);
      await expect(Promise.resolve().then(() => store.latest())).rejects.toMatchObject({
        code: "EF_STATE_DIRECTORY",
      });
    }
    writeFileSync(file, good.subarray(0, good.byteLength - 5));
    await expect(Promise.resolve().then(() => store.latest())).rejects.toThrow(/damaged/);
  });
});
