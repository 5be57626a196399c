import {
  bytesPerElement,
  classes,
  type Features,
  type SampleSchema,
  sizeOf,
} from "@everfresh/core";
import type { CheckedRow, Row, RowRules } from "../tables/check-row.ts";
import { checkRow, isFuture } from "../tables/check-row.ts";
import { type FaultKind, type RowFault, shown } from "../tables/row-fault.ts";
import {
  checkTableSchema,
  labelColumnOf,
  sampleSchemaOf,
  type TableSchema,
} from "../tables/table-schema.ts";
import { TableSchemaError } from "../errors.ts";

/** What messages are: rows of a table, or samples whose features are one array. */
export type MessageSchema = TableSchema | TensorSchema;

/**
 * Samples such as images. A message is `{ "id", "at", "features", "label" }`: `at` in milliseconds since
 * the Unix epoch, which may be left out; `features` a list of numbers, or their bytes in base64 (float32
 * little-endian); `label` one of the classes.
 */
export interface TensorSchema {
  readonly features: SampleSchema["features"];
  /** A label is the place of its class in this list. */
  readonly classes: readonly string[];
}

const TENSOR_FIELDS = new Set(["id", "at", "features", "label"]);

/** Largest float32. */
const NUMBER_MAX = 3.4028234663852886e38;

/** What the samples of such messages look like. @throws TableSchemaError */
export function messageSampleSchema(schema: MessageSchema): SampleSchema {
  if (!isTensor(schema)) {
    checkTableSchema(schema);
    return sampleSchemaOf(schema);
  }
  const { features, classes: listed } = schema;
  if (listed.length < 2 || new Set(listed).size !== listed.length) {
    throw new TableSchemaError("the label needs 2 or more different classes");
  }
  return { features, target: classes(listed.length, listed) };
}

/** The fields with the id and the label. */
export function messageFields(schema: MessageSchema): {
  readonly id: string | null;
  readonly label: string;
} {
  if (isTensor(schema)) return { id: "id", label: "label" };
  const id = schema.columns.find(({ kind }) => kind === "id")?.name ?? null;
  return { id, label: labelColumnOf(schema).name };
}

/** The classes of the label. */
export function messageClasses(schema: MessageSchema): readonly string[] {
  return isTensor(schema) ? schema.classes : labelColumnOf(schema).classes;
}

/** The sample that a message is, or its first fault. */
export function checkMessage(schema: MessageSchema, row: Row, rules: RowRules): CheckedRow {
  if (!isTensor(schema)) return checkRow(schema, row, rules);
  const fault = (kind: FaultKind, column: string, reason: string): CheckedRow => ({
    sample: null,
    fault: { kind, column, reason },
  });
  const extra = Object.keys(row).find((name) => !TENSOR_FIELDS.has(name));
  if (extra !== undefined) {
    return fault("extraField", extra, `${shown(extra)} is none of id, at, features, label`);
  }
  const id = idIn(row["id"]);
  if (id === null) {
    const kind = row["id"] === undefined ? "missingField" : "wrongType";
    return fault(kind, "id", `${shown(row["id"])} is no id: text or a whole number`);
  }
  const at = row["at"] ?? rules.eventTimeMs;
  if (typeof at !== "number" || !Number.isFinite(at)) {
    return fault("wrongType", "at", `${shown(at)} is no time in milliseconds`);
  }
  if (isFuture(at, rules)) {
    return fault("futureTime", "at", `${shown(at)} is more than a minute in the future`);
  }
  const features = featuresIn(schema.features, row["features"]);
  if (!("buffer" in features)) return { sample: null, fault: features };
  const label = labelIn(schema, row["label"]);
  if (typeof label !== "number") return { sample: null, fault: label };
  return { sample: { id, eventTimeMs: at, features, label }, fault: null };
}

/** The id that a value is, or null. */
export function idIn(value: unknown): string | null {
  if (typeof value === "string" && value !== "") return value;
  return typeof value === "bigint" || Number.isSafeInteger(value) ? String(value) : null;
}

/** The label that a value is, or what is wrong with it. */
export function labelIn(schema: MessageSchema, value: unknown): number | RowFault {
  const column = messageFields(schema).label;
  if (value === undefined || value === null) {
    return { kind: "missingField", column, reason: "the row has no value here" };
  }
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") {
    const reason = `${shown(value)} is no class: text or a number`;
    return { kind: "wrongType", column, reason };
  }
  const listed = messageClasses(schema);
  const label = listed.indexOf(String(value).trim());
  if (label >= 0) return label;
  const some = listed.slice(0, 8).join(", ") + (listed.length > 8 ? ", …" : "");
  return {
    kind: "unknownClass",
    column,
    reason: `${shown(value)} is none of the classes ${some}`,
  };
}

function isTensor(schema: MessageSchema): schema is TensorSchema {
  return "features" in schema;
}

function featuresIn(
  { dtype, shape }: SampleSchema["features"],
  value: unknown,
): Features | RowFault {
  const fault = (kind: FaultKind, reason: string): RowFault => ({
    kind,
    column: "features",
    reason,
  });
  const length = sizeOf(shape);
  if (value === undefined || value === null) {
    return fault("missingField", "the row has no value here");
  }
  if (typeof value === "string") {
    const bytes = Buffer.from(value, "base64");
    if (bytes.length !== length * bytesPerElement(dtype)) {
      const wanted = length * bytesPerElement(dtype);
      return fault("wrongType", `${bytes.length} bytes of base64, not ${wanted}`);
    }
    if (dtype === "uint8") return new Uint8Array(bytes);
    const floats = new Float32Array(new Uint8Array(bytes).buffer);
    const odd = floats.find((number) => !Number.isFinite(number));
    return odd === undefined ? floats : fault("notFinite", `${odd} is no number`);
  }
  if (!Array.isArray(value) || value.length !== length) {
    const given = Array.isArray(value) ? `a list of ${value.length}` : shown(value);
    return fault("wrongType", `${given} is no list of ${length} numbers`);
  }
  const features = dtype === "uint8" ? new Uint8Array(length) : new Float32Array(length);
  for (const [i, number] of (value as readonly unknown[]).entries()) {
    const found = numberFault(dtype, number);
    if (found !== null) return fault(found, `${shown(number)} at place ${i}`);
    features[i] = number as number;
  }
  return features;
}

function numberFault(dtype: "uint8" | "float32", number: unknown): FaultKind | null {
  if (typeof number !== "number") {
    return typeof number === "string" && /^-?(NaN|Infinity)$/.test(number)
      ? "notFinite"
      : "wrongType";
  }
  if (!Number.isFinite(number)) return "notFinite";
  if (dtype === "float32") return Math.abs(number) > NUMBER_MAX ? "hugeValue" : null;
  return Number.isInteger(number) && number >= 0 && number <= 255 ? null : "outOfRange";
}
