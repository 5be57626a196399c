import {
  encodeRow,
  type Features,
  type RawFeatures,
  type RowColumn,
  type RowValue,
  ShapeError,
} from "@everfresh/core";

import { InputKindError } from "./errors.ts";

/**
 * The features of a row by the names of its columns; what is not there is missing.
 * @throws InputKindError for a column that the model does not have
 * @throws ShapeError for a value of another kind than its column, or a text that is too long
 */
export function rowFeatures(raw: RawFeatures, row: Readonly<Record<string, RowValue>>): Features {
  const columns = columnsOf(raw);
  const names = columns.map(({ name }) => name);
  const unknown = Object.keys(row).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new InputKindError(`Model has no column "${unknown}"; it has ${names.join(", ")}`);
  }
  const values = names.map((name) => (Object.hasOwn(row, name) ? (row[name] ?? null) : null));
  const bytes = encodeRow(columns, values);
  // Columns of numbers alone are float64 one after another, NaN where one is missing.
  return raw.kind === "row" ? bytes : Float32Array.from(new Float64Array(bytes.buffer));
}

/**
 * The features of a window of a series.
 * @throws ShapeError for another number of rows, or rows of another size
 */
export function seriesFeatures(
  raw: RawFeatures,
  series: readonly (Float32Array | readonly number[])[],
): Features {
  const { length, channels } = raw.kind === "series" ? raw : { length: 0, channels: 0 };
  if (series.length !== length || series.some((row) => row.length !== channels)) {
    const sizes = series.map((row) => row.length);
    throw new ShapeError(`Series takes ${length} rows of ${channels}, got rows of ${sizes.join()}`);
  }
  return Float32Array.from(series.flatMap((row) => [...row]));
}

function columnsOf(raw: RawFeatures): readonly RowColumn[] {
  if (raw.kind === "row") return raw.columns;
  return raw.kind === "numbers" ? raw.columns.map((name) => ({ name, kind: "number" })) : [];
}
