import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { crc32 } from "node:zlib";
import type { TrainerCheckpoint } from "@everfresh/learn";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkpointFile } from "./checkpoint-file.ts";

const checkpoint: TrainerCheckpoint = {
  step: 12,
  samples: 96,
  version: 11,
  fingerprint: "0123456789abcdef0123456789abcdef",
  deployed: Uint8Array.of(1, 2, 3),
  training: { state: Uint8Array.of(4, 5), optimizer: Uint8Array.of(6, 7, 8, 9) },
  tested: 98,
  strategy: {
    spec: { kind: "proactive", triggerSize: 8, batchSize: 32, sampler: { kind: "inverseCount" } },
    checkpoint: {
      ...{ kind: "proactive", samples: 98, past: 96, iterations: 12, isRunning: false },
      ...{ random: { seed: 1, stream: 2, drawn: 3 }, sampler: Uint8Array.of(9, 8), intake: null },
      trigger: { kind: "trigger", numbers: [-Infinity] },
      budget: { nowMs: null, parts: [] },
    },
  },
  evaluation: null,
  costs: null,
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

  it("reads a file of format 1: the run goes on as a proactive one", async () => {
    const fields = { step: 12, samples: 96, version: 11, fingerprint: checkpoint.fingerprint };
    const score = { correct: 3, total: 4, window: "1101" };
    const header = {
      ...fields,
      sampler: { seed: 1, stream: 2, drawn: 3 },
      prequential: { trained: score, deployed: score },
      ...{ format: 1, lengths: [3, 2, 4] },
    };
    const text = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length);
    const parts = [Buffer.from("EFCP"), length, text, Buffer.of(1, 2, 3, 4, 5, 6, 7, 8, 9)];
    const checksum = Buffer.alloc(4);
    checksum.writeUInt32LE(crc32(Buffer.concat(parts)));
    writeFileSync(file, Buffer.concat([...parts, checksum]));
    const { deployed, training } = checkpoint;
    const read = await checkpointFile(file).latest();
    expect(read).toMatchObject({ ...fields, deployed, training, tested: 96, evaluation: null });
    expect(read?.strategy).toMatchObject({
      spec: null,
      checkpoint: { kind: "proactive", past: 96, random: { seed: 1, stream: 2, drawn: 3 } },
    });
  });

  it("reads a file of format 2, whose numbers are all in its JSON", async () => {
    await checkpointFile(file).save(checkpoint);
    const bytes = readFileSync(file);
    const at = bytes.indexOf('"format":3');
    expect(at).toBeGreaterThan(0);
    bytes.write('"format":2', at);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, -4)), bytes.byteLength - 4);
    writeFileSync(file, bytes);
    expect(await checkpointFile(file).latest()).toEqual(checkpoint);
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
