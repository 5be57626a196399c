import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StateDirectoryError, StateMismatchError } from "../errors.ts";
import { rowResult } from "./row-result.fixture.ts";
import { type PaperSettings, RowStore } from "./row-store.ts";

const SETTINGS: PaperSettings = {
  experiment: "mnist",
  model: "lenet5",
  initChecksum: null,
  epochs: 10,
  scale: 1,
  data: "MNIST",
};

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "everfresh-paper-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

describe("the store of rows", () => {
  it("gives back a row exactly, to another process too", () => {
    const row = rowResult({ name: "online", seed: 2, cumulativeAccuracy: 1 / 3 });
    new RowStore(directory, SETTINGS).put(row);
    const opened = new RowStore(directory, SETTINGS);
    expect(opened.row(2, "online")).toEqual(row);
    expect(opened.row(1, "online")).toBeNull();
    expect(opened.row(2, "frozen")).toBeNull();
  });

  it("gives back an initial model bit by bit", () => {
    const checkpoint = {
      state: Uint8Array.of(0, 255, 3, 4),
      optimizer: Uint8Array.of(9, 8, 7),
    };
    const store = new RowStore(directory, SETTINGS);
    expect(store.initial(1)).toBeNull();
    store.putInitial(1, { checkpoint, steps: 790, trainSeconds: 1.5 });
    expect(new RowStore(directory, SETTINGS).initial(1)).toEqual({
      checkpoint,
      steps: 790,
      trainSeconds: 1.5,
    });
  });

  it("has no initial model whose files do not belong together, as after a kill between two of them", () => {
    const store = new RowStore(directory, SETTINGS);
    const checkpoint = { state: Uint8Array.of(1, 2, 3, 4), optimizer: Uint8Array.of(5) };
    store.putInitial(1, { checkpoint, steps: 1, trainSeconds: 1 });
    writeFileSync(path.join(directory, "seed-1", "initial.state"), Uint8Array.of(1, 2, 3, 5));
    expect(store.initial(1)).toBeNull();
  });

  it("counts a row that is cut off as missing", () => {
    const store = new RowStore(directory, SETTINGS);
    store.put(rowResult({ name: "online", seed: 1 }));
    writeFileSync(path.join(directory, "seed-1", "online.json"), '{ "name": "onl');
    expect(store.row(1, "online")).toBeNull();
  });

  it("leaves nothing but whole files", () => {
    const store = new RowStore(directory, SETTINGS);
    store.put(rowResult({ name: "online", seed: 1 }));
    store.put(rowResult({ name: "online", seed: 1 }));
    expect(readdirSync(path.join(directory, "seed-1"))).toEqual(["online.json"]);
  });

  it.each([
    ["epochs", { ...SETTINGS, epochs: 25 }],
    ["scale", { ...SETTINGS, scale: 0.5 }],
    ["model", { ...SETTINGS, model: "resnet20" }],
    ["data", { ...SETTINGS, data: "generated digits" }],
    ["first weights", { ...SETTINGS, initChecksum: 7 }],
  ])("refuses a folder with rows of other %s, and says the way out", (_what, other) => {
    new RowStore(directory, SETTINGS);
    expect(() => new RowStore(directory, other)).toThrow(StateMismatchError);
    expect(() => new RowStore(directory, other)).toThrow(/--out/);
  });

  it("refuses a folder that cannot be made", () => {
    writeFileSync(path.join(directory, "file"), "");
    expect(() => new RowStore(path.join(directory, "file", "rows"), SETTINGS)).toThrow(
      StateDirectoryError,
    );
  });
});
