import { existsSync } from "node:fs";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cifar10 } from "./cifar10.ts";
import { sourceConformance } from "./source.conformance.ts";

const NAMES = "airplane automobile bird cat deer dog frog horse ship truck".split(" ");

/** The real data, if this machine has it. */
const REAL = join(process.env["EVERFRESH_DATA"] ?? resolve("../shared/data"), "cifar-10");

let directory = "";
let files: readonly string[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "everfresh-cifar-"));
  files = [
    await file("data_batch_1.bin", records(0, 90)),
    await file("data_batch_2.bin.gz", gzipSync(records(90, 160))),
    await file("data_batch_3.bin", records(160, 161)),
  ];
});
afterAll(() => rm(directory, { recursive: true }));

sourceConformance("cifar10", () => cifar10(files), { directory: () => directory });

describe("cifar10", () => {
  it("gives the records of all files in their order", async () => {
    const source = await cifar10(files);
    expect(source.size).toBe(161);
    expect(source.schema.features).toEqual({ dtype: "uint8", shape: [3, 32, 32] });
    let position = 0;
    for await (const { id, label, features } of source.read()) {
      expect(id).toBe(`cifar10-data_batch_1-${position}`);
      expect(label).toBe(position % 10);
      expect([features.length, features[0]]).toEqual([3072, position & 255]);
      position++;
    }
    expect(position).toBe(161);
  });

  it("takes class names from batches.meta.txt, if it is there", async () => {
    expect((await cifar10(files)).schema.target.labels[3]).toBe("3");
    const folder = await mkdtemp(join(directory, "named-"));
    const batch = join(folder, "test_batch.bin");
    await writeFile(batch, records(0, 2));
    await writeFile(join(folder, "batches.meta.txt"), `${NAMES.join("\n")}\n\n`);
    expect((await cifar10([batch])).schema.target.labels).toEqual(NAMES);
    await writeFile(join(folder, "batches.meta.txt"), "airplane\nbird\n");
    await expect(cifar10([batch])).rejects.toMatchObject({
      code: "EF_SOURCE_FORMAT",
      details: { found: 2, expected: 10 },
    });
  });

  it("refuses a truncated file and says how much is missing", async () => {
    for (const [length, needed] of [
      [0, 3073],
      [3000, 3073],
      [3074, 6146],
    ] as const) {
      const path = await file("short.bin", records(0, 2).subarray(0, length));
      await expect(cifar10([path])).rejects.toMatchObject({
        code: "EF_SOURCE_SIZE",
        details: { path, found: length, needed },
      });
    }
  });

  it("refuses damaged gzip, a label out of range and a missing file", async () => {
    const damaged = gzipSync(records(0, 9));
    const gzip = await file("damaged.bin.gz", damaged.subarray(0, damaged.length - 9));
    await expect(cifar10([gzip])).rejects.toMatchObject({ code: "EF_SOURCE_GZIP" });
    const bytes = records(0, 4);
    bytes[2 * 3073] = 10;
    const labels = await file("labels.bin", bytes);
    await expect(cifar10([labels])).rejects.toMatchObject({
      code: "EF_SOURCE_LABEL",
      details: { path: labels, position: 2, label: 10 },
    });
    await expect(cifar10([join(directory, "nowhere.bin")])).rejects.toMatchObject({
      code: "EF_SOURCE_UNREADABLE",
    });
  });

  it("notices a file that has changed since it was opened", async () => {
    const path = await file("changing.bin", records(0, 3));
    const source = await cifar10([path]);
    await truncate(path, 2 * 3073);
    const reading = source.read()[Symbol.asyncIterator]();
    await expect(reading.next()).rejects.toThrow(/had 3 records when it was opened, now 2/);
  });

  it("refuses an empty list of files", async () => {
    await expect(cifar10([])).rejects.toThrow(RangeError);
  });

  it.skipIf(!existsSync(REAL))("reads the real test batch", async () => {
    const source = await cifar10([join(REAL, "test_batch.bin.gz")]);
    expect(source.size).toBe(10_000);
    expect(source.schema.target.labels).toEqual(NAMES);
    const labels: number[] = [];
    for await (const { label } of source.read()) labels.push(label);
    expect(labels.slice(0, 5)).toEqual([3, 8, 8, 0, 6]);
    expect(labels.filter((label) => label === 0)).toHaveLength(1000);
  });
});

async function file(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, bytes);
  return path;
}

function records(from: number, to: number): Buffer {
  const bytes = Buffer.alloc((to - from) * 3073);
  for (let i = from; i < to; i++) {
    bytes.fill(i & 255, (i - from) * 3073, (i - from + 1) * 3073);
    bytes[(i - from) * 3073] = i % 10;
  }
  return bytes;
}
