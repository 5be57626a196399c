import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStateDirectory, type RunRecord } from "./state-directory.ts";

const record: RunRecord = {
  model: "digits",
  source: "mnist-train",
  seed: 4,
  parameters: 61_706,
  mode: "sparseSgd",
  labelLag: 500,
  warmUpSteps: 300,
  plan: {
    backend: "native",
    provider: "cpu",
    workers: 2,
    threadsPerWorker: 1,
    onnxruntime: "1.30.0",
  },
  processor: { model: "Some Processor", features: ["avx", "avx2"] },
  goal: { requestedSteps: 10, untilStep: 30 },
};

describe("a state directory", () => {
  let parent = "";
  beforeEach(() => {
    parent = mkdtempSync(path.join(tmpdir(), "everfresh-state-"));
  });
  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  it("is made with its parents, and remembers what its run is about", () => {
    const directory = path.join(parent, "a", "b");
    expect(openStateDirectory(directory).readRecord()).toBeNull();
    openStateDirectory(directory).writeRecord(record);
    expect(openStateDirectory(directory).readRecord()).toEqual(record);
  });

  it.each([
    [2, { workers: 2 }],
    [null, null],
  ])("is understood when its record is of the first format (%s workers)", (workers, plan) => {
    const { model, source, seed, parameters, goal } = record;
    const facts = { model, source, seed, parameters, goal };
    const text = JSON.stringify({ format: 1, ...facts, workers });
    writeFileSync(path.join(parent, "run.json"), text);
    const read = openStateDirectory(parent).readRecord();
    const unknownThen = { mode: "weights", labelLag: null, warmUpSteps: 0, processor: null };
    expect(read).toEqual({ ...facts, ...unknownThen, plan });
  });

  it("cannot be a file", () => {
    const file = path.join(parent, "file");
    writeFileSync(file, "");
    expect(() => openStateDirectory(file)).toThrow(/--state DIR/);
  });

  it.each([
    ["is not JSON", "{"],
    ["is of another format", JSON.stringify({ ...record, format: 3 })],
    [
      "has an impossible plan",
      JSON.stringify({ ...record, format: 2, plan: { ...record.plan, workers: 0 } }),
    ],
    ["lacks a field", JSON.stringify({ format: 2, model: "digits" })],
  ])("refuses a record that %s, and leaves it as it is", (_what, text) => {
    const file = path.join(parent, "run.json");
    writeFileSync(file, text);
    expect(() => openStateDirectory(parent).readRecord()).toThrow(
      expect.objectContaining({ code: "EF_STATE_DIRECTORY" }),
    );
    expect(readFileSync(file, "utf8")).toBe(text);
  });
});
