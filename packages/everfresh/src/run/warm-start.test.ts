import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { adam, mlp } from "@everfresh/engine";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sparse } from "../config/sparse.ts";
import { versionReport } from "../log/version-report.ts";
import { definitionOf, train } from "./points-run.fixture.ts";
import { WARM_UP_STEPS } from "./warm-up.ts";

const modelOf = (hidden: number) => mlp({ inputs: 6, hidden: [hidden], outputs: 3, seed: 2 });
const rise = { kind: "warmUp", learningRate: 0.01, warmUpSteps: WARM_UP_STEPS } as const;
const withRate = (learningRate: number | typeof rise) =>
  definitionOf(modelOf(4), { deploy: sparse({ ratio: 0.5 }), optimizer: adam({ learningRate }) });
const fresh = withRate(0.01);
const trained = { ...fresh, weights: "trained" } as const;

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "everfresh-warm-start-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string): string => path.join(folder, name);

describe("a run from trained weights", () => {
  it("trains as with a learning rate that rises, also where its second part is told otherwise", async () => {
    await train(at("run"), trained, 3);
    const run = await train(at("run"), fresh, 3);
    expect(run.checkpoint).toEqual((await train(at("rise"), withRate(rise), 6)).checkpoint);
    expect(run.status.warmUpSteps).toBe(WARM_UP_STEPS);
    expect(await versionReport(run.directory, 5)).toMatchObject({ warmUpSteps: WARM_UP_STEPS });
  });

  it("is decided anew where a model with other tensors starts anew", async () => {
    expect((await train(at("run"), fresh, 1)).status.warmUpSteps).toBe(0);
    const other = { ...trained, model: modelOf(5) };
    const { status } = await train(at("run"), other, 1, { newGeneration: true });
    expect(status).toMatchObject({ warmUpSteps: WARM_UP_STEPS, steps: 2 });
  });
});
