import {
  classes,
  DeployedState,
  FingerprintMismatchError,
  numeric,
  ShapeError,
  VersionGapError,
} from "@everfresh/core";
import { inferenceGraph, mlp } from "@everfresh/engine";
import type { Manifest, RuntimeSession, Snapshot } from "@everfresh/sync";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { engineRuntime } from "./engine-runtime.ts";
import { TooManyPredictionsError } from "./errors.ts";

const model = mlp({ inputs: 4, hidden: [3], outputs: 2, seed: 1 });
const deployed = new DeployedState(model.state, 5);
const manifest: Manifest = {
  name: "test",
  logId: "log-1",
  graph: inferenceGraph(model),
  layout: model.state.layout,
  input: model.input,
  output: model.output,
  preprocessing: numeric(4),
  target: classes(2),
};
const snapshot: Snapshot = {
  version: 5,
  fingerprint: deployed.fingerprint,
  bytes: new Uint8Array(model.state.buffer).slice(),
};
const update = deployed.updateFor({
  valueType: "float32",
  indices: Uint32Array.of(0),
  values: Float32Array.of(9),
  buffers: [],
});

describe("engineRuntime", () => {
  let session: RuntimeSession;

  beforeEach(async () => {
    session = await engineRuntime().load(manifest, snapshot);
  });

  afterEach(() => session[Symbol.asyncDispose]());

  it("refuses bad data with the errors by which a replica knows them, unchanged", async () => {
    const lie = { ...update, fingerprintAfter: "0".repeat(32) };
    await expect(session.apply(lie)).rejects.toThrow(FingerprintMismatchError);
    const late = { ...update, fromVersion: 6, toVersion: 7 };
    await expect(session.apply(late)).rejects.toThrow(VersionGapError);
    const short = { ...snapshot, bytes: snapshot.bytes.subarray(8) };
    await expect(session.replace(short)).rejects.toThrow(ShapeError);
    const forged = { ...snapshot, fingerprint: "0".repeat(32) };
    await expect(session.replace(forged)).rejects.toThrow(FingerprintMismatchError);
    await expect(engineRuntime().load(manifest, forged)).rejects.toThrow(FingerprintMismatchError);

    const { version, fingerprint } = await session.predict(new Float32Array(4), 1);
    expect({ version, fingerprint }).toEqual({ version: 5, fingerprint: deployed.fingerprint });
    expect(await session.apply(update)).toEqual({
      version: 6,
      fingerprint: update.fingerprintAfter,
    });
    expect(await session.replace(snapshot)).toEqual({ version, fingerprint });
  });

  it("lets a bounded number of predictions wait, and an update pass all the same", async () => {
    const predictions = Array.from({ length: 600 }, () => session.predict(new Float32Array(4), 1));
    const applied = session.apply(update);
    const results = await Promise.allSettled(predictions);
    const refused = results.filter((result) => result.status === "rejected");
    expect(refused).toHaveLength(88);
    expect(refused[0]?.reason).toBeInstanceOf(TooManyPredictionsError);
    expect((await applied).version).toBe(6);
  });
});
