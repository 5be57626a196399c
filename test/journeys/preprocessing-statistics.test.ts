/**
 * Statistics of preprocessing on their way to a replica: observed in training, sent as buffers in the
 * same update as the weights, in bytes. At every version both sides transform to the same bits.
 */
import {
  createState,
  DeployedState,
  encodeRow,
  pipeline,
  pipelineOf,
  preprocessorOf,
  Random,
  type RowColumn,
  stateLayout,
  statisticsChanges,
  statisticsIn,
} from "@everfresh/core";
import { decodeUpdate, encodeUpdate } from "@everfresh/sync";
import { expect, it } from "vitest";

const COLUMNS: readonly RowColumn[] = [
  { name: "load", kind: "number" },
  { name: "price", kind: "number" },
  { name: "day", kind: "text", bytesMax: 12 },
];
const DAYS = ["Monday", "Tuesday", "Saturday"];

const SPEC = pipeline({
  raw: { kind: "row", columns: COLUMNS },
  branches: [
    { columns: ["load"], steps: [{ kind: "impute", with: "mean" }, { kind: "minMax" }] },
    {
      columns: ["load", "price"],
      steps: [
        { kind: "standardise", memorySamples: 200 },
        { kind: "impute", with: 0 },
      ],
    },
    { columns: ["day"], encoder: { kind: "oneHot", categories: [DAYS], other: true } },
    { columns: ["day"], encoder: { kind: "hashed", size: 5 }, steps: [{ kind: "standardise" }] },
  ],
});

it("training and a replica transform to the same bits at every version, while statistics move", () => {
  const random = new Random(9);
  const trainer = preprocessorOf(SPEC);
  // A replica knows the description as JSON, and the state from the wire.
  const replica = preprocessorOf(pipelineOf(JSON.parse(JSON.stringify(SPEC))));
  const weights = { name: "weight", role: "parameter", dtype: "float32", shape: [64] } as const;
  const layout = stateLayout([weights, ...trainer.statistics]);
  const here = new DeployedState(createState(layout), 0);
  const there = new DeployedState(createState(stateLayout([weights, ...replica.statistics])), 0);

  const rowsOf = (step: number, count: number): readonly Uint8Array[] =>
    Array.from({ length: count }, () =>
      encodeRow(COLUMNS, [
        random.below(9) === 0 ? null : random.normal(step, 1 + step / 10),
        1e6 + random.normal(0, 1e-3),
        random.below(9) === 0 ? null : (DAYS[random.below(4)] ?? "holiday"),
      ]),
    );
  const asked = rowsOf(0, 20);
  const seen = new Set<string>();
  for (let step = 1; step <= 100; step++) {
    const statistics = trainer.observe(
      statisticsIn(here.state, trainer.statistics),
      rowsOf(step, random.below(20)),
    );
    const update = here.updateFor({
      valueType: "float16",
      indices: Uint32Array.of(step % 64),
      values: Float32Array.of(step),
      buffers: statisticsChanges(layout, trainer.statistics, statistics),
    });
    // Every other update says what is added to buffers, where that takes fewer bytes.
    const base = new Uint32Array(here.state.buffer.slice(0));
    const bytes = encodeUpdate(update, step % 2 === 0 ? { layout, base } : { layout });
    here.apply(update);
    there.apply(decodeUpdate(bytes, { layout: there.state.layout }));

    const trained = trainer.transform(statistics, asked);
    const served = replica.transform(statisticsIn(there.state, replica.statistics), asked);
    expect(new Uint32Array(served.buffer)).toEqual(new Uint32Array(trained.buffer));
    expect(there.fingerprint).toBe(here.fingerprint);
    seen.add(trained.join());
  }
  // Had they stood still, equality would say nothing.
  expect(seen.size).toBeGreaterThan(90);
});
