/** A model behind a pipeline whose statistics move with every version, and its updates. */
import {
  deployCopy,
  type DeployedState,
  encodeRow,
  type Pipeline,
  pipeline,
  type Preprocessor,
  preprocessorOf,
  Random,
  type RowColumn,
  statisticsChanges,
  type Update,
} from "@everfresh/core";
import { mlp } from "../models/mlp.ts";
import type { Model } from "../models/model.ts";
import { withStatistics } from "../models/with-statistics.ts";

/** The columns of the rows. */
const COLUMNS: readonly RowColumn[] = [
  { name: "load", kind: "number" },
  { name: "price", kind: "number" },
  { name: "day", kind: "text", bytesMax: 12 },
];

const DAYS: readonly string[] = ["Monday", "Tuesday", "Saturday"];

/** Numbers that are scaled and filled in by what was seen so far, and a text. */
export const ROWS: Pipeline = pipeline({
  raw: { kind: "row", columns: COLUMNS },
  branches: [
    { columns: ["load"], steps: [{ kind: "impute", with: "mean" }, { kind: "minMax" }] },
    {
      columns: ["load", "price"],
      steps: [{ kind: "standardise" }, { kind: "impute", with: 0 }],
    },
    { columns: ["day"], encoder: { kind: "oneHot", categories: [DAYS], other: true } },
  ],
});

/** What makes the inputs. */
export const PREPROCESSOR: Preprocessor = preprocessorOf(ROWS);

/** A small model for them, that has seen nothing. */
export function rowModel(): Model {
  return withStatistics(mlp({ inputs: 7, hidden: [5], outputs: 3, seed: 2 }), PREPROCESSOR);
}

/** Rows of a stream that drifts from step to step; every ninth value is missing. */
export function rowsAt(step: number, count: number): readonly Uint8Array[] {
  const random = new Random(100 + step);
  return Array.from({ length: count }, () =>
    encodeRow(COLUMNS, [
      random.below(9) === 0 ? null : random.normal(5 * step, 1 + step),
      random.normal(1e6, 1),
      random.below(9) === 0 ? null : (DAYS[random.below(4)] ?? "holiday"),
    ]),
  );
}

/** Rows one after another. */
export function joinedRows(rows: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(rows.flatMap((row) => [...row]));
}

/** The next `count` updates: some weights, and the statistics with new rows observed. */
export function movingUpdates(deployed: DeployedState, count: number): readonly Update[] {
  const random = new Random(8);
  const { layout } = deployed.state;
  return Array.from({ length: count }, (_, step) => {
    const before = PREPROCESSOR.statisticsIn(deployed.state);
    const observed = PREPROCESSOR.observe(before, rowsAt(step, 16));
    const update = deployed.updateFor({
      valueType: "float32",
      indices: Uint32Array.of(step % 7, 7 + (step % 11)),
      values: Float32Array.from([0, 0], () => random.normal()),
      buffers: statisticsChanges(layout, PREPROCESSOR.statistics, observed),
    });
    deployed.apply(update);
    return update;
  });
}

/** What training makes of rows at each version, from the first state to the last. */
export function inputsByVersion(
  model: Model,
  stream: readonly Update[],
  rows: readonly Uint8Array[],
): { readonly deployed: DeployedState; readonly inputs: readonly Float32Array[] } {
  const deployed = deployCopy(model.state, 0);
  const made = (): Float32Array =>
    PREPROCESSOR.transform(PREPROCESSOR.statisticsIn(deployed.state), rows);
  const inputs = [made()];
  for (const update of stream) {
    deployed.apply(update);
    inputs.push(made());
  }
  return { deployed, inputs };
}
