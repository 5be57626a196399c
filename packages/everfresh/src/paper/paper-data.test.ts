import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Experiment, EXPERIMENTS } from "./experiment.ts";
import { dataDirectoryOf, loadPaperData } from "./paper-data.ts";

const FEW: Pick<Experiment, "initialSamples" | "streamSamples" | "testSamples"> = {
  initialSamples: 3,
  streamSamples: 4,
  testSamples: 5,
};

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "everfresh-paper-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true, force: true });
});

describe("the data of an experiment", () => {
  it("are generated digits where there are none, and say so", async () => {
    const data = await loadPaperData({ ...EXPERIMENTS.mnist, ...FEW }, null);
    expect(data.isReal).toBe(false);
    expect(data.description).toMatch(/generated digits in the place of MNIST/);
    expect(data.train).toHaveLength(7);
    expect(data.test).toHaveLength(5);
    expect(data.train[0]?.features).toHaveLength(784);
    const ids = new Set([...data.train, ...data.test].map(({ id }) => id));
    expect(ids.size).toBe(12);
  });

  it("stand in the middle of three planes where the experiment has colour images", async () => {
    const grey = await loadPaperData({ ...EXPERIMENTS.mnist, ...FEW }, null);
    const colour = await loadPaperData({ ...EXPERIMENTS.cifar, ...FEW }, null);
    const [digit, image] = [grey.train[2]?.features, colour.train[2]?.features];
    expect(image).toHaveLength(3 * 32 * 32);
    const pixel = (plane: number, row: number, column: number): number | undefined =>
      image?.[(plane * 32 + row) * 32 + column];
    for (const plane of [0, 1, 2]) {
      expect(pixel(plane, 2 + 14, 2 + 11)).toBe(digit?.[14 * 28 + 11]);
      expect(pixel(plane, 1, 16)).toBe(0);
    }
    const sum = (values: Iterable<number> = []): number => [...values].reduce((a, b) => a + b, 0);
    expect(sum(image)).toBe(3 * sum(digit));
  });

  it("are looked for where someone says, then in EVERFRESH_DATA if that has them", () => {
    vi.stubEnv("EVERFRESH_DATA", directory);
    expect(dataDirectoryOf(EXPERIMENTS.mnist, undefined)).toBeNull();
    mkdirSync(path.join(directory, "mnist"));
    expect(dataDirectoryOf(EXPERIMENTS.mnist, undefined)).toBe(directory);
    expect(dataDirectoryOf(EXPERIMENTS.cifar, undefined)).toBeNull();
    expect(dataDirectoryOf(EXPERIMENTS.cifar, "/elsewhere")).toBe("/elsewhere");
  });

  it("are missed where someone says that they are there", async () => {
    await expect(loadPaperData(EXPERIMENTS.mnist, directory)).rejects.toMatchObject({
      code: "EF_SOURCE_UNREADABLE",
    });
  });
});
