import { deployCopy, ShapeError, ValueRangeError } from "@everfresh/core";
import * as build from "onnxruntime-web/wasm";
import { describe, expect, it } from "vitest";
import { openInThreadEngine } from "../in-thread/in-thread-engine.ts";
import { inferenceGraph } from "../models/inference-graph.ts";
import { mlp } from "../models/mlp.ts";
import type { InferenceSession } from "./inference-session.ts";
import {
  inputsByVersion,
  joinedRows,
  movingUpdates,
  ROWS,
  rowModel,
  rowsAt,
} from "./moving-statistics.fixture.ts";
import { openInference } from "./open-inference.ts";
import { snapshotOf } from "./updates.fixture.ts";

const VERSIONS = 12;
const ASKED = 5;
const model = rowModel();
const graph = inferenceGraph(model);
const stream = movingUpdates(deployCopy(model.state, 0), VERSIONS);
const rows = rowsAt(3, ASKED);
const raw = joinedRows(rows);
const initial = () => snapshotOf(deployCopy(model.state, 0));

/** Outputs of every version for what training makes of the rows, by a session that transforms nothing. */
async function outputsByVersion(reference: InferenceSession): Promise<readonly Float32Array[]> {
  const { inputs } = inputsByVersion(model, stream, rows);
  const outputs: Float32Array[] = [];
  for (const [version, each] of inputs.entries()) {
    outputs.push((await reference.predict(each, ASKED)).outputs);
    const update = stream[version];
    if (update !== undefined) await reference.apply(update);
  }
  return outputs;
}

const SESSIONS = {
  patch: (preprocessing?: typeof ROWS) =>
    openInference(graph, initial(), {
      mode: "patch",
      ...(preprocessing === undefined ? {} : { preprocessing }),
    }),
  "the calling thread": async (preprocessing?: typeof ROWS) =>
    (await openInThreadEngine(build)).open(graph, initial(), preprocessing),
} as const;

describe("predictions from raw features", () => {
  it.each(["patch", "the calling thread"] as const)(
    "in %s are those of training's transform at every version, while statistics move",
    async (kind) => {
      await using reference = await SESSIONS[kind]();
      const expected = await outputsByVersion(reference);
      await using session = await SESSIONS[kind](ROWS);
      // All at once: each prediction stands between two updates.
      const asked = [session.predict(raw, ASKED)];
      for (const update of stream) {
        void session.apply(update);
        asked.push(session.predict(raw, ASKED));
      }
      for (const [version, prediction] of (await Promise.all(asked)).entries()) {
        expect(prediction.version).toBe(version);
        expect(prediction.outputs).toEqual(expected[version]);
      }
      // Had nothing moved, equality would say nothing.
      expect(new Set(expected.map((outputs) => outputs.join())).size).toBe(VERSIONS + 1);
    },
  );

  it("with constant weights have the statistics of the version that answers, not of the newest", async () => {
    const rarely = { mode: "bake", bakeEveryMs: 3_600_000 } as const;
    await using session = await openInference(graph, initial(), { ...rarely, preprocessing: ROWS });
    await using reference = await openInference(graph, initial(), rarely);
    // The first bake may follow at once; the next one is an hour away.
    for (const update of stream) await session.apply(update);
    const early = await session.predict(raw, ASKED);
    expect(early.version).toBeLessThan(VERSIONS);
    const last = inputsByVersion(model, stream, rows);
    await session.replace(snapshotOf(last.deployed));
    const late = await session.predict(raw, ASKED);
    expect(late.version).toBe(VERSIONS);
    for (const { version, outputs } of [early, late]) {
      const { deployed, inputs } = inputsByVersion(model, stream.slice(0, version), rows);
      await reference.replace(snapshotOf(deployed));
      expect(outputs).toEqual((await reference.predict(inputs[version]!, ASKED)).outputs);
    }
  });

  it("that do not fit are typed errors, and the session goes on", async () => {
    await using session = await SESSIONS.patch(ROWS);
    await expect(session.predict(raw, ASKED + 1)).rejects.toBeInstanceOf(ShapeError);
    await expect(session.predict(raw.subarray(1), ASKED)).rejects.toBeInstanceOf(ShapeError);
    await expect(session.predict(new Float32Array(raw.length), ASKED)).rejects.toThrow(/bytes/);
    await expect(session.predict(raw, 0)).rejects.toBeInstanceOf(ShapeError);
    expect((await session.predict(raw, ASKED)).version).toBe(0);
    await using plain = await SESSIONS.patch();
    await expect(plain.predict(raw, ASKED)).rejects.toThrow(/float32 inputs, got bytes/);
  });

  it("lack no number silently", async () => {
    const small = mlp({ inputs: 2, hidden: [3], outputs: 2, seed: 1 });
    const preprocessing = {
      kind: "pipeline",
      version: 1,
      raw: { kind: "numbers", columns: ["a", "b"] },
      branches: [{}],
    } as const;
    await using session = await openInference(
      inferenceGraph(small),
      snapshotOf(deployCopy(small.state, 0)),
      { mode: "patch", preprocessing },
    );
    const missing = session.predict(Float32Array.of(1, NaN), 1);
    await expect(missing).rejects.toBeInstanceOf(ValueRangeError);
  });

  it("need a state that has the statistics", async () => {
    const bare = mlp({ inputs: 7, hidden: [5], outputs: 3, seed: 2 });
    const without = snapshotOf(deployCopy(bare.state, 0));
    const open = openInference(inferenceGraph(bare), without, {
      mode: "patch",
      preprocessing: ROWS,
    });
    await expect(open).rejects.toThrow(/no statistics "preprocessing.0.0.count"/);
  });
});
