import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { adam, mlp, type OptimizerSpec, sgd } from "@everfresh/engine";
import { holdsGradients } from "@everfresh/learn";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ModelDefinition } from "../config/define-model.ts";
import { sparse } from "../config/sparse.ts";
import { sparseGradients } from "../config/sparse-gradients.ts";
import { rollBackStopped } from "../log/roll-back-stopped.ts";
import { checkpointFile } from "../state/checkpoint-file.ts";
import { definitionOf, fingerprintsOf, train } from "./points-run.fixture.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "everfresh-deployment-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string): string => path.join(folder, name);

describe("a run by sparse gradients", () => {
  const model = mlp({ inputs: 12, hidden: [8], outputs: 3, seed: 2 });
  const by = (
    options: Parameters<typeof sparseGradients>[0],
    optimizer: OptimizerSpec = sgd({ learningRate: 0.1, momentum: 0.9 }),
  ): ModelDefinition => definitionOf(model, { deploy: sparseGradients(options), optimizer });
  const compression = by({ algorithm: "deepGradientCompression", ratio: 0.05 });

  it("goes on bit for bit from a checkpoint that holds the memory of gradients", async () => {
    const whole = await train(at("whole"), compression, 24);
    await train(at("halves"), compression, 9);
    const halves = await train(at("halves"), compression, 15);
    expect(whole.status).toMatchObject({ steps: 24, ratio: 0.05, buffersEvery: null });
    expect(halves.checkpoint).toEqual(whole.checkpoint);
    expect(holdsGradients(halves.checkpoint.training)).toBe(true);
    expect(await fingerprintsOf(halves.directory)).toEqual(await fingerprintsOf(whole.directory));
    // All that θ moved was sent as it is.
    expect(whole.checkpoint.deployed).toEqual(whole.checkpoint.training.state);
    expect(whole.directory.readRecord()?.mode).toBe("deepGradientCompression");
    expect(whole.told).toEqual(["every never"]);
  });

  it("clears the memory in a rollback, also to the very version of the checkpoint", async () => {
    const { directory, status } = await train(at("run"), compression, 9);
    const report = await rollBackStopped(directory, { version: 9, excludeSince: false });
    expect(report).toMatchObject({ fingerprint: status.fingerprint, optimizer: "reset" });
    const cleared = (await checkpointFile(directory.checkpointFile).latest())!;
    expect(cleared.training.optimizer).toHaveLength(0);
    const { checkpoint, status: after } = await train(at("run"), compression, 3);
    expect(after).toMatchObject({ steps: 12, version: 13 });
    expect(checkpoint.deployed).toEqual(checkpoint.training.state);
  });

  it("is refused in the state directory of another mode, and with another optimizer", async () => {
    await train(at("run"), by({}, sgd({ learningRate: 0.1 })), 1);
    await expect(train(at("run"), compression, 1)).rejects.toThrow(
      /sparse deployment of sparseSgd, this one has sparse deployment of deepGradientCompression/,
    );
    const weights = definitionOf(model, { deploy: sparse(), optimizer: adam() });
    await expect(train(at("run"), weights, 1)).rejects.toMatchObject({ code: "EF_STATE_MISMATCH" });
    await expect(train(at("new"), by({}, adam()), 1)).rejects.toThrow(/optimizer must be sgd\(\)/);
  });
});
