import { deployCopy, FingerprintMismatchError, Random, ShapeError } from "@everfresh/core";
import * as build from "onnxruntime-web/wasm";
import { describe, expect, it } from "vitest";
import { RuntimeFailedError, RuntimeUnavailableError, SessionClosedError } from "../errors.ts";
import { inferenceGraph } from "../models/inference-graph.ts";
import { lenet5 } from "../models/lenet5.ts";
import { mlp } from "../models/mlp.ts";
import type { InferenceSession } from "../sessions/inference-session.ts";
import { openInference } from "../sessions/open-inference.ts";
import { snapshotOf, updates } from "../sessions/updates.fixture.ts";
import { openInThreadEngine } from "./in-thread-engine.ts";

const SIZE = 3;
const model = lenet5({ seed: 4 });
const graph = inferenceGraph(model);
const random = new Random(1);
const inputs = Float32Array.from({ length: SIZE * 784 }, () => random.normal());

async function open(): Promise<InferenceSession> {
  const engine = await openInThreadEngine(build);
  expect(engine.runtime).toMatchObject({ backend: "wasm", provider: "cpu" });
  return engine.open(graph, snapshotOf(deployCopy(model.state, 0)));
}

describe("a model in this thread", () => {
  it("goes through the same versions as one in a worker, with the same predictions", async () => {
    await using here = await open();
    const initial = snapshotOf(deployCopy(model.state, 0));
    await using there = await openInference(graph, initial, { mode: "patch" });
    for (const update of updates(deployCopy(model.state, 0), 4)) {
      const [mine, expected] = [
        await here.predict(inputs, SIZE),
        await there.predict(inputs, SIZE),
      ];
      expect(mine).toMatchObject({ version: expected.version, fingerprint: expected.fingerprint });
      mine.outputs.forEach((y, i) => expect(y).toBeCloseTo(expected.outputs[i]!, 3));
      expect(await here.apply(update)).toEqual(await there.apply(update));
    }
  });

  it("answers in the order of the calls, each from one version", async () => {
    await using session = await open();
    const alone: Float32Array[] = [];
    const stream = updates(deployCopy(model.state, 0), 5);
    {
      await using other = await open();
      for (const update of stream) {
        alone.push((await other.predict(inputs, SIZE)).outputs);
        await other.apply(update);
      }
    }
    const mixed = stream.map((update) => {
      const prediction = session.predict(inputs, SIZE);
      void session.apply(update);
      return prediction;
    });
    for (const [version, prediction] of (await Promise.all(mixed)).entries()) {
      expect(prediction.version).toBe(version);
      expect(prediction.outputs).toEqual(alone[version]);
    }
  });

  it("takes another state, whole or not at all", async () => {
    await using session = await open();
    const jump = deployCopy(model.state, 40);
    updates(jump, 1);
    const forged = { ...snapshotOf(jump), fingerprint: "0".repeat(32) };
    await expect(session.replace(forged)).rejects.toBeInstanceOf(FingerprintMismatchError);
    const other = mlp({ inputs: 4, hidden: [3], outputs: 2 });
    await expect(session.replace(snapshotOf(deployCopy(other.state, 9)))).rejects.toBeInstanceOf(
      ShapeError,
    );
    expect((await session.predict(inputs, SIZE)).version).toBe(0);
    expect(await session.replace(snapshotOf(jump))).toEqual({
      version: 41,
      fingerprint: jump.fingerprint,
    });
    expect((await session.predict(inputs, SIZE)).version).toBe(41);
  });

  it("finds a state that rots", async () => {
    const engine = await openInThreadEngine(build);
    const initial = snapshotOf(deployCopy(model.state, 0));
    await using session = await engine.open(graph, initial);
    await session.scrub();
    new Uint8Array(initial.state.buffer)[1_000]! ^= 1;
    await expect(session.scrub()).rejects.toBeInstanceOf(FingerprintMismatchError);
  });

  it("closes: what waits is refused, what comes later too", async () => {
    const session = await open();
    const calls = [session.predict(inputs, SIZE), session.predict(inputs, SIZE)];
    const settled = Promise.allSettled(calls);
    await session[Symbol.asyncDispose]();
    expect((await settled)[1]).toHaveProperty("reason.code", "EF_SESSION_CLOSED");
    await expect(session.predict(inputs, SIZE)).rejects.toBeInstanceOf(SessionClosedError);
  });

  it("does not open with a forged state or with a graph that is none", async () => {
    const engine = await openInThreadEngine(build);
    const initial = snapshotOf(deployCopy(model.state, 0));
    const forged = { ...initial, fingerprint: "0".repeat(32) };
    await expect(engine.open(graph, forged)).rejects.toBeInstanceOf(FingerprintMismatchError);
    const broken = graph.subarray(0, 40);
    await expect(engine.open(broken, initial)).rejects.toBeInstanceOf(RuntimeFailedError);
  });

  it("says that WebAssembly may not be compiled, or threads not be shared, before any model", async () => {
    const refusing = {
      ...build,
      InferenceSession: {
        create: () => Promise.reject(new Error("no available backend found. ERR: [wasm] refused")),
      },
    };
    await expect(openInThreadEngine(refusing as typeof build)).rejects.toBeInstanceOf(
      RuntimeUnavailableError,
    );
    await expect(openInThreadEngine(build, { threads: 2 })).rejects.toBeInstanceOf(
      RuntimeUnavailableError,
    );
  });
});
