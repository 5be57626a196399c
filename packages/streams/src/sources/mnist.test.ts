import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mnist } from "./mnist.ts";
import { sourceConformance } from "./source.conformance.ts";

const IMAGES = Buffer.from("00000803000000020000000100000002" + "01020304", "hex");
const LABELS = Buffer.from("0000080100000002" + "0509", "hex");

/** The real data, if this machine has it. */
const REAL = join(process.env["EVERFRESH_DATA"] ?? resolve("../shared/data"), "mnist");

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "everfresh-mnist-"));
});
afterAll(() => rm(directory, { recursive: true }));

describe("mnist", () => {
  it.each([
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"],
    ["train-images.idx3-ubyte", "train-labels.idx1-ubyte"],
    ["train-images-idx3-ubyte.gz", "train-labels.idx1-ubyte.gz"],
  ])("finds %s and %s", async (images, labels) => {
    const folder = await mkdtemp(join(directory, "usual-"));
    await writeFile(join(folder, images), images.endsWith(".gz") ? gzipSync(IMAGES) : IMAGES);
    await writeFile(join(folder, labels), labels.endsWith(".gz") ? gzipSync(LABELS) : LABELS);
    const source = await mnist(folder, "train");
    expect(source).toMatchObject({ name: "mnist-train", size: 2 });
    expect(source.schema.features.shape).toEqual([1, 1, 2]);
  });

  it("tells the two splits apart", async () => {
    const folder = await mkdtemp(join(directory, "test-"));
    await writeFile(join(folder, "t10k-images-idx3-ubyte"), IMAGES);
    await writeFile(join(folder, "t10k-labels-idx1-ubyte"), LABELS);
    expect((await mnist(folder, "test")).name).toBe("mnist-test");
    await expect(mnist(folder, "train")).rejects.toThrow(/has no train-images-idx3-ubyte/);
  });

  it("names the directory and the four files when one is missing", async () => {
    const folder = await mkdtemp(join(directory, "empty-"));
    for (const path of [folder, join(folder, "nowhere")]) {
      await expect(mnist(path, "test")).rejects.toMatchObject({ code: "EF_SOURCE_UNREADABLE" });
      for (const name of [
        path,
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
      ]) {
        await expect(mnist(path, "test")).rejects.toThrow(name);
      }
    }
  });
});

describe.skipIf(!existsSync(REAL))("the real MNIST", () => {
  sourceConformance("mnist test", () => mnist(REAL, "test"), { directory: () => REAL });

  it("has 60,000 training images with the known first labels and number of sevens", async () => {
    const source = await mnist(REAL, "train");
    expect(source.size).toBe(60_000);
    const labels: number[] = [];
    for await (const { label } of source.read()) labels.push(label);
    expect(labels.slice(0, 10)).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    expect(labels.filter((label) => label === 7)).toHaveLength(6265);
  });
});
