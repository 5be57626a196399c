import {
  encodeRow,
  type Preprocessing,
  Random,
  ShapeError,
  ValueRangeError,
} from "@everfresh/core";
import { openInThreadEngine } from "@everfresh/engine/in-thread";
import { wasmBuild } from "@everfresh/engine/wasm-build";
import { ConnectError } from "@everfresh/sync";
import { describe, expect, it } from "vitest";

import type { Client } from "./client.ts";
import { connect } from "./connect.ts";
import { connect as connectEdge } from "./edge/connect.ts";
import { inThreadRuntime } from "./edge/in-thread-runtime.ts";
import { InputKindError } from "./errors.ts";
import { CASES, LearningModel } from "./pipelines.fixture.ts";
import { connect as connectPage } from "./web/connect.ts";
import { loopbackWorker } from "./web/loopback-worker.fixture.ts";
import { storeOfPage, transportOfPage } from "./web/page-services.ts";
import type { StorePlace, TransportPlace } from "./web/replica-protocol.ts";
import { serveReplica } from "./web/serve-replica.ts";

const VERSIONS = 4;
/** Other builds of ONNX Runtime, and other sizes of a batch, add sums up in another order. */
const SUMS_APART = 1e-6;

type Place = (source: LearningModel) => Promise<Client>;

const PLACES: Readonly<Record<string, Place>> = {
  Node: ({ transport }) => connect(transport, { mode: "patch" }),
  "an edge runtime": ({ transport }) =>
    connectEdge(transport, { runtime: inThreadRuntime(wasmBuild) }),
  "a page's worker": ({ transport }) =>
    connectPage("ws://127.0.0.1:1/v1/models/learning", {
      transport,
      worker: () =>
        loopbackWorker((line) =>
          serveReplica(line, {
            transportAt: (place) => transportOfPage(place as TransportPlace & { kind: "page" }),
            storeAt: (place) => storeOfPage(place as StorePlace & { kind: "page" }),
            async openEngine(setup) {
              const engine = await openInThreadEngine(wasmBuild, setup);
              return (...model) => engine.open(...model);
            },
          }),
        ),
    }),
};

async function reached(model: Client, version: number): Promise<void> {
  for await (const status of model.states()) if (status.version >= version) return;
}

describe("a replica of a model behind a pipeline", () => {
  it.each(["row", "numbers", "image", "series"] as const)(
    "transforms raw inputs of kind %s as training does, at every version, wherever it is",
    async (kind) => {
      await using source = new LearningModel(CASES[kind]);
      const random = new Random(12);
      const inputs = Array.from({ length: 6 }, (_, i) => CASES[kind].input(random, i));
      const seen = new Set<string>();
      await using node = await PLACES["Node"]!(source);
      await using edge = await PLACES["an edge runtime"]!(source);
      await using page = await PLACES["a page's worker"]!(source);
      for (let version = 0; version < VERSIONS; version++) {
        const expected = await source.expected(inputs);
        for (const [replica, tolerance] of [
          [node, 0],
          [edge, SUMS_APART],
          [page, SUMS_APART],
        ] as const) {
          await reached(replica, version);
          const predictions = await replica.predictBatch(inputs);
          for (const [i, { version: answered, probabilities }] of predictions.entries()) {
            expect(answered).toBe(version);
            probabilities.forEach((p, k) => {
              expect(Math.abs(p - expected[i]![k]!)).toBeLessThanOrEqual(tolerance);
            });
          }
          const { probabilities } = await replica.predict(inputs[0]!);
          probabilities.forEach((p, k) => {
            expect(Math.abs(p - expected[0]![k]!)).toBeLessThanOrEqual(SUMS_APART);
          });
        }
        seen.add(expected.map((each) => each.join()).join());
        source.publish();
      }
      // Had nothing moved, equality would say nothing.
      expect(seen.size).toBe(VERSIONS);
    },
  );

  it("takes rows as a source has them, too", async () => {
    const source = new LearningModel(CASES.row);
    await using model = await PLACES["Node"]!(source);
    const row = { load: 2, price: null, day: "Sunday" };
    const { raw } = CASES.row.pipeline;
    if (raw.kind !== "row") throw new Error("unreachable");
    const bytes = encodeRow(raw.columns, Object.values(row));
    const [encoded, named] = await model.predictBatch([bytes, { row }]);
    expect(encoded).toEqual(named);
  });

  it.each(["Node", "a page's worker"])(
    "refuses other inputs, with typed errors, in %s",
    async (place) => {
      await using rows = await PLACES[place]!(new LearningModel(CASES.row));
      const refusals = [
        [
          { row: { load: 1, rice: 2 } },
          InputKindError,
          /no column "rice"; it has load, price, day/,
        ],
        [{ row: { constructor: 2 } }, InputKindError, /no column "constructor"/],
        [{ row: { load: "1" } }, ShapeError, /"load" takes a number/],
        [{ row: { day: "a day with a long name" } }, ShapeError, /has 12/],
        [{ features: [1, 2, 3] }, InputKindError, /takes \{ row \}, got \{ features \}/],
        [{ image: new Uint8Array(3) }, InputKindError, /got \{ image \}/],
      ] as const;
      for (const [input, kind, message] of refusals) {
        const refused = rows.predict(input);
        await expect(refused).rejects.toBeInstanceOf(kind);
        await expect(refused).rejects.toThrow(message);
      }
      await expect(rows.predictBatch([new Float32Array(30)])).rejects.toThrow(InputKindError);
      await expect(rows.predictBatch([new Uint8Array(29)])).rejects.toThrow(ShapeError);
      expect((await rows.predict({ row: {} })).version).toBe(0);
      await using windows = await PLACES[place]!(new LearningModel(CASES.series));
      await expect(windows.predict({ series: [[1, 2]] })).rejects.toThrow(ShapeError);
      await expect(windows.predict({ features: [1, 2, 3] })).rejects.toThrow(ShapeError);
      // No step of this pipeline replaces a missing number; only the worker finds that out.
      const missing = windows.predict({ features: [1, 2, NaN, 4, 5, 6] });
      await expect(missing).rejects.toBeInstanceOf(ValueRangeError);
      expect((await windows.predict({ features: [1, 2, 3, 4, 5, 6] })).version).toBe(0);
    },
  );

  it("does not begin with a pipeline that is wrong", async () => {
    const wrong = { ...CASES.image.pipeline, branches: [{ steps: [{ kind: "guess" }] }] };
    const source = new LearningModel(CASES.image, wrong as unknown as Preprocessing);
    const refused = connect(source.transport, { connectTimeoutMs: 3_000 });
    await expect(refused).rejects.toBeInstanceOf(ConnectError);
    await expect(refused).rejects.toThrow(/Manifest is corrupt.*"guess"/);
  });
});
