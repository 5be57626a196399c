import { ShapeError } from "../errors.ts";
import type { Features } from "../sample.ts";
import type { NumbersShape } from "./channels.ts";
import type { Texts } from "./encoders/prepare-encoder.ts";
import type { Branch, RawFeatures } from "./pipeline.ts";
import { type RowColumn, rowOffsets } from "./row-layout.ts";
import { numberAt, TEXT_BYTES_MAX, textAt } from "./table-row.ts";

/**
 * Numbers are kept within ± this, so that their squares and sums of squares fit float32 statistics.
 */
const MAGNITUDE_MAX = 1e18;

/** Values of a sample: a model of that many inputs would not fit a state. */
const RAW_VALUES_MAX = 2 ** 26;

/** What a branch takes of a sample: numbers, or texts. */
export type BranchReader =
  | {
      readonly kind: "numbers";
      readonly shape: NumbersShape;
      readonly read: (features: Features) => Float64Array;
    }
  | {
      readonly kind: "texts";
      readonly columns: readonly string[];
      readonly read: (features: Features) => Texts;
    };

/**
 * Checks the sizes and names of raw features.
 * @throws ShapeError for a size that is not positive, or a column without a name of its own
 */
export function checkRaw(raw: RawFeatures): void {
  const sizes =
    raw.kind === "image"
      ? [raw.width, raw.height, raw.channels]
      : raw.kind === "series"
        ? [raw.length, raw.channels]
        : [raw.columns.length];
  if (!sizes.every((size) => Number.isSafeInteger(size) && size > 0)) {
    throw new ShapeError(
      `Raw features of kind ${raw.kind} need positive sizes, got ${sizes.join(", ")}`,
    );
  }
  if (sizes.reduce((size, each) => size * each, 1) > RAW_VALUES_MAX) {
    throw new ShapeError(`Raw features of kind ${raw.kind} have at most ${RAW_VALUES_MAX} values`);
  }
  const names = namesOf(raw);
  if (new Set(names).size !== names.length || names.includes("")) {
    throw new ShapeError(`Raw columns need names of their own, got ${names.join(", ")}`);
  }
  const wide = raw.kind === "row" ? raw.columns.find((column) => !hasRoom(column)) : undefined;
  if (wide !== undefined) {
    throw new ShapeError(
      `Column "${wide.name}" needs room for 1 to ${TEXT_BYTES_MAX} bytes of text`,
    );
  }
}

/**
 * Reads what a branch takes.
 * @throws ShapeError for columns that are not there, or not all of one kind
 */
export function branchReader(raw: RawFeatures, branch: Branch): BranchReader {
  switch (raw.kind) {
    case "numbers": {
      const places = placesOf(namesOf(raw), branch);
      return numbersOf({ shape: [places.length], channelAxis: 0 }, (features) =>
        Float64Array.from(places, (place) => features[place] ?? NaN),
      );
    }
    case "row":
      return rowReader(raw.columns, branch);
    case "image":
      return wholeReader(branch, { shape: [raw.channels, raw.height, raw.width], channelAxis: 0 });
    case "series":
      return wholeReader(branch, { shape: [raw.length, raw.channels], channelAxis: 1 });
  }
}

function wholeReader(branch: Branch, shape: NumbersShape): BranchReader {
  if (branch.columns !== undefined) {
    throw new ShapeError("Images and series have no columns to choose from");
  }
  return numbersOf(shape, (features) => Float64Array.from(features));
}

function rowReader(columns: readonly RowColumn[], branch: Branch): BranchReader {
  const offsets = rowOffsets(columns);
  const names = columns.map(({ name }) => name);
  const chosen = placesOf(names, branch).map((place) => ({
    column: columns[place],
    at: offsets[place] ?? 0,
  }));
  const texts = chosen.flatMap(({ column, at }) =>
    column?.kind === "text" ? [{ column, at }] : [],
  );
  if (texts.length === 0) {
    return numbersOf({ shape: [chosen.length], channelAxis: 0 }, (features) => {
      const bytes = bytesOf(features);
      return Float64Array.from(chosen, ({ at }) => numberAt(bytes, at));
    });
  }
  if (texts.length !== chosen.length) {
    throw new ShapeError("A branch takes columns of numbers or of text; give each kind its own");
  }
  return {
    kind: "texts",
    columns: texts.map(({ column }) => column.name),
    read: (features) => {
      const bytes = bytesOf(features);
      return texts.map(({ column, at }) => textAt(column, bytes, at));
    },
  };
}

function numbersOf(shape: NumbersShape, read: (features: Features) => Float64Array): BranchReader {
  return {
    kind: "numbers",
    shape,
    read: (features) => {
      const values = read(features);
      for (let i = 0; i < values.length; i++) values[i] = bounded(values[i] ?? NaN);
      return values;
    },
  };
}

function bounded(value: number): number {
  if (!Number.isFinite(value)) return NaN;
  return Math.max(-MAGNITUDE_MAX, Math.min(MAGNITUDE_MAX, value));
}

function bytesOf(features: Features): Uint8Array {
  if (features instanceof Uint8Array) return features;
  throw new ShapeError("Rows are bytes as encodeRow writes them, got float32");
}

function namesOf(raw: RawFeatures): readonly string[] {
  if (raw.kind === "numbers") return raw.columns;
  return raw.kind === "row" ? raw.columns.map(({ name }) => name) : [];
}

function hasRoom(column: RowColumn): boolean {
  if (column.kind === "number") return true;
  const { bytesMax } = column;
  return Number.isSafeInteger(bytesMax) && bytesMax >= 1 && bytesMax <= TEXT_BYTES_MAX;
}

function placesOf(names: readonly string[], { columns = names }: Branch): readonly number[] {
  if (columns.length === 0) throw new ShapeError("A branch needs at least one column");
  return columns.map((name) => {
    const place = names.indexOf(name);
    if (place >= 0) return place;
    throw new ShapeError(`There is no column "${name}"; there are ${names.join(", ")}`);
  });
}
