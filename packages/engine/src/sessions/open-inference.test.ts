import {
  deployCopy,
  FingerprintMismatchError,
  Random,
  ShapeError,
  VersionGapError,
} from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { RuntimeUnavailableError, SessionClosedError } from "../errors.ts";
import { inferenceGraph } from "../models/inference-graph.ts";
import { mlp } from "../models/mlp.ts";
import type { InferenceSession, Prediction } from "./inference-session.ts";
import { openInference } from "./open-inference.ts";
import { snapshotOf, updates } from "./updates.fixture.ts";

const INPUTS = 5;
const SIZE = 4;
const model = mlp({ inputs: INPUTS, hidden: [16], outputs: 3, seed: 3 });
const onnx = inferenceGraph(model);
const random = new Random(11);
const inputs = Float32Array.from({ length: SIZE * INPUTS }, () => random.normal());

async function fresh(): Promise<InferenceSession> {
  return openInference(onnx, snapshotOf(deployCopy(model.state, 0)), { mode: "patch" });
}

/** All of a prediction that does not depend on the machine. */
function answerOf({ outputs, version, fingerprint }: Prediction): Omit<Prediction, "runMs"> {
  return { outputs, version, fingerprint };
}

describe("openInference in mode patch", () => {
  it("is fresh at once and says what computes", async () => {
    await using session = await fresh();
    expect(session).toMatchObject({ mode: "patch", freshnessMs: 0 });
    expect(session.runtime).toMatchObject({ backend: "native", provider: "cpu" });
    expect((await session.predict(inputs, SIZE)).runMs).toBeGreaterThan(0);
  });

  it("answers every prediction from exactly one version while updates stream in", async () => {
    await using session = await fresh();
    const deployed = deployCopy(model.state, 0);
    const stream = updates(deployed, 40);
    const expected = [(await session.predict(inputs, SIZE)).outputs];
    await using reference = await fresh();
    for (const update of stream) {
      await reference.apply(update);
      expected.push((await reference.predict(inputs, SIZE)).outputs);
    }
    const answers = stream.flatMap((update) => [
      session.predict(inputs, SIZE),
      session.apply(update).then(() => null),
      session.predict(inputs, SIZE),
    ]);
    const versions: number[] = [];
    for (const answer of await Promise.all(answers)) {
      if (answer === null) continue;
      expect(answer.outputs).toEqual(expected[answer.version]);
      versions.push(answer.version);
    }
    expect(versions).toEqual(stream.flatMap((_, version) => [version, version + 1]));
    expect((await session.predict(inputs, SIZE)).fingerprint).toBe(deployed.fingerprint);
  });

  it("refuses an update that does not apply, with the error of the state, and stays as it was", async () => {
    await using session = await fresh();
    const deployed = deployCopy(model.state, 0);
    const [first, second] = updates(deployed, 2);
    const before = answerOf(await session.predict(inputs, SIZE));
    await expect(session.apply(second!)).rejects.toBeInstanceOf(VersionGapError);
    const values = first!.values.slice();
    values[0]! += 1;
    const failure = await session.apply({ ...first!, values }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(FingerprintMismatchError);
    expect(failure).toMatchObject({
      code: "EF_FINGERPRINT_MISMATCH",
      name: "FingerprintMismatchError",
    });
    expect(answerOf(await session.predict(inputs, SIZE))).toEqual(before);
    expect(await session.apply(first!)).toMatchObject({ version: 1 });
    expect(await session.apply(second!)).toEqual({ version: 2, fingerprint: deployed.fingerprint });
  });

  it("takes a snapshot at any version, but not a damaged or a foreign one", async () => {
    await using session = await fresh();
    const deployed = deployCopy(model.state, 0);
    updates(deployed, 3);
    const snapshot = snapshotOf(deployed);
    await expect(
      session.replace({ ...snapshot, fingerprint: "0".repeat(32) }),
    ).rejects.toBeInstanceOf(FingerprintMismatchError);
    const foreign = deployCopy(mlp({ inputs: INPUTS, hidden: [17], outputs: 3 }).state, 9);
    await expect(session.replace(snapshotOf(foreign))).rejects.toBeInstanceOf(ShapeError);
    expect((await session.predict(inputs, SIZE)).version).toBe(0);
    expect(await session.replace(snapshot)).toMatchObject({ version: 3 });
    expect((await session.predict(inputs, SIZE)).fingerprint).toBe(deployed.fingerprint);
  });

  it("does not open with a state that is not what its fingerprint says, or a graph that does not fit", async () => {
    const snapshot = snapshotOf(deployCopy(model.state, 0));
    await expect(
      openInference(onnx, { ...snapshot, fingerprint: "f".repeat(32) }),
    ).rejects.toBeInstanceOf(FingerprintMismatchError);
    await expect(openInference(onnx.subarray(0, 40), snapshot)).rejects.toMatchObject({
      code: "EF_RUNTIME_FAILED",
    });
    const other = inferenceGraph(mlp({ inputs: INPUTS, hidden: [16, 4], outputs: 3 }));
    await expect(openInference(other, snapshot)).rejects.toBeInstanceOf(ShapeError);
  });

  it("opens on the provider that is asked for, or says that it is not there", async () => {
    const snapshot = snapshotOf(deployCopy(model.state, 0));
    const outcome = await openInference(onnx, snapshot, { provider: "cuda" }).catch(
      (error: unknown) => error,
    );
    if (outcome instanceof Error) {
      expect(outcome).toBeInstanceOf(RuntimeUnavailableError);
      expect(outcome.message).toMatch(/"cuda" is not available\. .* CUDA 12/s);
      return;
    }
    await using session = outcome as InferenceSession;
    expect(session.runtime.provider).toBe("cuda");
  });

  it("refuses inputs that do not fit, and everything after it is disposed", async () => {
    const session = await fresh();
    await expect(session.predict(inputs, SIZE + 1)).rejects.toBeInstanceOf(ShapeError);
    await expect(session.predict(inputs, 0)).rejects.toBeInstanceOf(ShapeError);
    const pending = session.predict(inputs, SIZE);
    const settled = Promise.allSettled([pending]);
    await session[Symbol.asyncDispose]();
    expect((await settled)[0]).toHaveProperty("reason.code", "EF_SESSION_CLOSED");
    await expect(session.predict(inputs, SIZE)).rejects.toBeInstanceOf(SessionClosedError);
    await session[Symbol.asyncDispose]();
  });
});
