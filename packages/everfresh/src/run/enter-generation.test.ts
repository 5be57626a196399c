import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { classes, numeric } from "@everfresh/core";
import { adam, mlp, type Model } from "@everfresh/engine";
import { stateAt } from "@everfresh/sync/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { defineModel } from "../config/define-model.ts";
import { proactive } from "../config/strategies.ts";
import { sparse } from "../config/sparse.ts";
import { digits } from "../config/source-factories.ts";
import type { ResolvedModel } from "../config/resolve-model.ts";
import { SMALL_MODEL, writeSmallRun } from "../log/small-run.fixture.ts";
import { enterGeneration, type GenerationStores } from "./enter-generation.ts";
import { openStores } from "./open-stores.ts";
import { Resources } from "./resources.ts";

let folder = "";
let resources = new Resources();
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "everfresh-generation-"));
  resources = new Resources();
});
afterEach(async () => {
  await resources.close();
  rmSync(folder, { recursive: true, force: true });
});

async function entered(model: Model, labels?: string[], mayStartAnew = false) {
  const { directory, fingerprints } = await writeSmallRun(folder, { versions: 9, checkpointAt: 7 });
  const stores = await openStores(directory, resources);
  const resolved = resolvedOf(model, labels);
  const now = await enterGeneration(stores, resolved, { mayStartAnew });
  return { now, fingerprints };
}

function resolvedOf(model: Model, labels?: string[]): ResolvedModel {
  const definition = defineModel({
    name: "small",
    model,
    input: numeric(6),
    target: classes(3, labels),
    source: digits(),
    strategy: proactive(),
    optimizer: adam(),
    deploy: sparse(),
  });
  return { definition, model } as unknown as ResolvedModel;
}

const facts = ({ checkpoint, loggedVersion, generation }: GenerationStores) => ({
  checkpoint: checkpoint?.version,
  loggedVersion,
  generation: generation.number,
});

describe("a run's generation", () => {
  it("stays while the model is the same", async () => {
    const { now } = await entered(SMALL_MODEL);
    expect(facts(now)).toEqual({ checkpoint: 7, loggedVersion: 9, generation: 1 });
  });

  it("changes with labels, and training goes on as it was", async () => {
    const { now, fingerprints } = await entered(SMALL_MODEL, ["a", "b", "c"]);
    expect(facts(now)).toEqual({ checkpoint: 10, loggedVersion: 10, generation: 2 });
    expect(now.generation.id).toBe(`${now.log.id}.2`);
    expect(now.checkpoint).toMatchObject({ step: 9, samples: 72, fingerprint: fingerprints[9] });
    expect(now.checkpoint?.training.state[0]).toBe(77);
    expect(now.log.head()).toEqual({ version: 10, fingerprint: fingerprints[9] });
  });

  it("changes with the tensors only when that was asked for", async () => {
    const other = mlp({ inputs: 6, hidden: [4], outputs: 3 });
    await expect(entered(other)).rejects.toThrow(/--new-generation/);
    await resources.close();
    rmSync(folder, { recursive: true });
    const { now, fingerprints } = await entered(other, undefined, true);
    expect(facts(now)).toEqual({ checkpoint: 10, loggedVersion: 10, generation: 2 });
    expect(now.checkpoint?.training).toEqual({
      state: new Uint8Array(other.state.buffer),
      optimizer: new Uint8Array(0),
    });
    const { layout } = SMALL_MODEL.state;
    const old = await stateAt(now.log, { layout, version: 8 });
    expect(old.fingerprint).toBe(fingerprints[8]);
  });
});
