import { cloneState, deployCopy, FingerprintMismatchError, Random } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { SessionClosedError } from "../errors.ts";
import { exportModel } from "../models/export-model.ts";
import { inferenceGraph } from "../models/inference-graph.ts";
import { mlp } from "../models/mlp.ts";
import type { Model } from "../models/model.ts";
import { batchShape, sampleLength } from "../models/port-shape.ts";
import { resnet20 } from "../models/resnet20.ts";
import { openOnnx } from "../onnx/execution.fixture.ts";
import type { InferenceOptions, InferenceSession, Prediction } from "./inference-session.ts";
import { openInference } from "./open-inference.ts";
import { snapshotOf, updates } from "./updates.fixture.ts";

const SIZE = 3;
const PREDICTIONS_MAX = 100_000; // a version that has not answered by then never will

function inputsOf(model: Model): Float32Array {
  const random = new Random(7);
  return Float32Array.from({ length: SIZE * sampleLength(model.input) }, () => random.normal());
}

function open(model: Model, options: InferenceOptions): Promise<InferenceSession> {
  return openInference(inferenceGraph(model), snapshotOf(deployCopy(model.state, 0)), options);
}

/** What a fresh session of ONNX Runtime with these weights as constants says. */
async function constantOutputs(model: Model, inputs: Float32Array): Promise<Float32Array> {
  const session = await openOnnx(exportModel(model));
  const tensor = { dtype: "float32", shape: batchShape(model.input, SIZE), data: inputs } as const;
  const outputs = await session.run({ [model.input.name]: tensor });
  return outputs[model.output.name]?.data as Float32Array;
}

async function predictionAt(
  session: InferenceSession,
  version: number,
  inputs: Float32Array,
): Promise<Prediction> {
  for (let i = 0; i < PREDICTIONS_MAX; i++) {
    const prediction = await session.predict(inputs, SIZE);
    if (prediction.version === version) return prediction;
  }
  throw new Error(`version ${version} never answered`);
}

function relativeDifference(a: Float32Array, b: Float32Array): number {
  const scale = Math.max(...b.map(Math.abs));
  return Math.max(...a.map((value, i) => Math.abs(value - (b[i] ?? NaN)))) / scale;
}

describe("inference modes", () => {
  it("agree with each other and with fresh constants, BatchNormalization's buffers included", async () => {
    const model = resnet20({ seed: 2 });
    const inputs = inputsOf(model);
    const deployed = deployCopy(model.state, 0);
    const stream = updates(deployed, 3);
    const fresh = { ...model, state: cloneState(deployed.state) };
    const expected = await constantOutputs(fresh, inputs);
    await using baking = await open(model, { mode: "bake" });
    await using patching = await open(model, { mode: "patch" });
    for (const update of stream) {
      const [baked, patched] = [await baking.apply(update), await patching.apply(update)];
      expect(baked).toEqual(patched);
    }
    const baked = await predictionAt(baking, deployed.version, inputs);
    const patched = await patching.predict(inputs, SIZE);
    expect(baked.fingerprint).toBe(deployed.fingerprint);
    expect(patched.fingerprint).toBe(deployed.fingerprint);
    expect(baked.outputs).toEqual(expected);
    // Constants are folded and laid out anew: the sums are the same in another order.
    expect(relativeDifference(patched.outputs, expected)).toBeLessThan(2e-5);
  });

  it("measures which is faster, and says which it took", async () => {
    await using session = await open(mlp({ inputs: 4, hidden: [3], outputs: 2 }), {});
    expect(["patch", "bake"]).toContain(session.mode);
    expect(session.freshnessMs === 0).toBe(session.mode === "patch");
  });

  it("refuses options out of range", async () => {
    const model = mlp({ inputs: 4, hidden: [3], outputs: 2 });
    await expect(open(model, { measuredSize: 0 })).rejects.toThrow(RangeError);
    await expect(open(model, { measuredSize: 257 })).rejects.toThrow(RangeError);
    await expect(open(model, { bakeEveryMs: -1 })).rejects.toThrow(RangeError);
  });
});

describe("openInference in mode bake", () => {
  const model = mlp({ inputs: 5, hidden: [16], outputs: 3, seed: 3 });
  const inputs = inputsOf(model);

  it("answers each prediction from exactly one version, never an older one, and the last in the end", async () => {
    const expected = [await constantOutputs(model, inputs)];
    const versions: Model[] = [];
    const deployed = deployCopy(model.state, 0);
    const stream = updates(deployed, 30, ({ state }) =>
      versions.push({ ...model, state: cloneState(state) }),
    );
    for (const version of versions) expected.push(await constantOutputs(version, inputs));
    await using session = await open(model, { mode: "bake", bakeEveryMs: 0 });
    const answers: Promise<Prediction>[] = [];
    for (const [position, update] of stream.entries()) {
      answers.push(session.predict(inputs, SIZE), session.predict(inputs, SIZE));
      expect((await session.apply(update)).version).toBe(position + 1);
      answers.push(session.predict(inputs, SIZE));
    }
    let newest = 0;
    for (const { version, outputs } of await Promise.all(answers)) {
      expect(version).toBeGreaterThanOrEqual(newest);
      expect(outputs).toEqual(expected[version]);
      newest = version;
    }
    const last = await predictionAt(session, deployed.version, inputs);
    expect(last).toMatchObject({ outputs: expected.at(-1), fingerprint: deployed.fingerprint });
  });

  it("refuses a bad update in both workers alike, and goes on", async () => {
    await using session = await open(model, { mode: "bake", bakeEveryMs: 0 });
    const deployed = deployCopy(model.state, 0);
    const [first, second] = updates(deployed, 2);
    await expect(session.apply(second!)).rejects.toHaveProperty("code", "EF_VERSION_GAP");
    await expect(
      session.apply({ ...first!, fingerprintAfter: "0".repeat(32) }),
    ).rejects.toBeInstanceOf(FingerprintMismatchError);
    expect((await session.predict(inputs, SIZE)).version).toBe(0);
    await session.apply(first!);
    await predictionAt(session, 1, inputs);
    await session.apply(second!);
    await predictionAt(session, 2, inputs);
  });

  it("answers from a snapshot once it is taken, also one that comes during a bake", async () => {
    await using session = await open(model, { mode: "bake", bakeEveryMs: 0 });
    const deployed = deployCopy(model.state, 0);
    const stream = updates(deployed, 6);
    const jump = deployCopy(model.state, 40);
    await session.apply(stream[0]!);
    await predictionAt(session, 1, inputs);
    await session.apply(stream[1]!);
    const [replaced] = await Promise.all([
      session.replace(snapshotOf(jump)),
      session.predict(inputs, SIZE),
    ]);
    expect(replaced).toEqual({ version: 40, fingerprint: jump.fingerprint });
    expect(await session.predict(inputs, SIZE)).toMatchObject({
      ...replaced,
      outputs: await constantOutputs(model, inputs),
    });
    const forged = { ...snapshotOf(jump), fingerprint: "0".repeat(32) };
    await expect(session.replace(forged)).rejects.toBeInstanceOf(FingerprintMismatchError);
    await session.replace(snapshotOf(deployed));
    expect((await session.predict(inputs, SIZE)).version).toBe(6);
  });

  it("closes during a bake", async () => {
    const session = await open(model, { mode: "bake", bakeEveryMs: 0 });
    const replaced = session.replace(snapshotOf(deployCopy(model.state, 9)));
    const settled = Promise.allSettled([replaced]);
    await session.predict(inputs, SIZE);
    await session[Symbol.asyncDispose]();
    expect((await settled)[0]).toHaveProperty("reason.code", "EF_SESSION_CLOSED");
    await expect(session.predict(inputs, SIZE)).rejects.toBeInstanceOf(SessionClosedError);
    await session[Symbol.asyncDispose]();
  });

  it("does not open with a graph that lacks a tensor, or is none", async () => {
    const snapshot = snapshotOf(deployCopy(model.state, 0));
    const other = inferenceGraph(mlp({ inputs: 5, hidden: [16, 4], outputs: 3 }));
    const options = { mode: "bake" } as const;
    await expect(openInference(other, snapshot, options)).rejects.toHaveProperty(
      "code",
      "EF_SHAPE_MISMATCH",
    );
    await expect(openInference(other.subarray(0, 40), snapshot, options)).rejects.toHaveProperty(
      "code",
      "EF_RUNTIME_FAILED",
    );
  });
});
