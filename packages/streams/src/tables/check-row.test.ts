import { decodeRow, type Sample } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { TableSchemaError } from "../errors.ts";
import { checkRow, type Row, type RowRules } from "./check-row.ts";
import { inferTableSchema } from "./infer-schema.ts";
import { checkJsonRow } from "./json-row.ts";
import {
  checkTableSchema,
  rawFeaturesOf,
  rowColumnsOf,
  sampleSchemaOf,
  type TableColumn,
  type TableSchema,
} from "./table-schema.ts";

const NOW_MS = 1_700_000_000_000;

const SCHEMA: TableSchema = {
  columns: [
    { name: "key", kind: "id" },
    { name: "at", kind: "eventTime" },
    { name: "age", kind: "number", min: 0, max: 120 },
    { name: "weight", kind: "number", optional: true },
    { name: "job", kind: "category", bytesMax: 8, optional: true },
    { name: "income", kind: "label", classes: ["low", "high"] },
  ],
};
const NUMBERS: TableSchema = {
  columns: SCHEMA.columns.filter(({ kind }) => kind === "number" || kind === "label"),
};
const RIGHT: Row = {
  key: "r1",
  at: NOW_MS,
  age: 30,
  weight: 7.5,
  job: "cook",
  income: "high",
};
const RULES: RowRules = { id: "given", eventTimeMs: 12, nowMs: NOW_MS };

const faultOf = (row: Row, rules: Partial<RowRules> = {}): unknown =>
  checkRow(SCHEMA, row, { ...RULES, ...rules }).fault;

function sampleOf(schema: TableSchema, row: Row, rules: Partial<RowRules> = {}): Sample {
  const { sample, fault } = checkRow(schema, row, { ...RULES, ...rules });
  expect(fault).toBeNull();
  return sample!;
}

describe("a row that is right", () => {
  it("is a sample whose features are its numbers and texts in the schema's order", () => {
    const { id, eventTimeMs, features, label } = sampleOf(SCHEMA, RIGHT);
    expect([id, eventTimeMs, label]).toEqual(["r1", NOW_MS, 1]);
    const bytes = features as Uint8Array;
    expect(bytes).toHaveLength(sampleSchemaOf(SCHEMA).features.shape[0]!);
    expect(decodeRow(rowColumnsOf(SCHEMA), bytes)).toEqual([30, 7.5, "cook"]);
  });

  it("is a vector of float32 where all features are numbers, NaN where one may be missing", () => {
    const sample = sampleOf(NUMBERS, { age: 30, weight: null, income: "low" });
    expect(sample).toEqual({
      id: "given",
      eventTimeMs: 12,
      features: Float32Array.of(30, NaN),
      label: 0,
    });
    expect(sampleSchemaOf(NUMBERS).features).toEqual({ dtype: "float32", shape: [2] });
    expect(rawFeaturesOf(NUMBERS)).toEqual({ kind: "numbers", columns: ["age", "weight"] });
  });

  it.each([
    ["milliseconds", 5_000, 5_000],
    ["seconds", 5, 5_000],
    ["iso", "1970-01-01T00:00:05Z", 5_000],
    ["iso", "1970-01-01T01:00:05+01:00", 5_000],
    ["iso", new Date(5_000), 5_000],
  ] as const)("is dated by %s", (unit, at, expected) => {
    const columns: readonly TableColumn[] = [
      { name: "at", kind: "eventTime", unit },
      ...NUMBERS.columns,
    ];
    const row = { at, age: 1, income: "low" };
    expect(sampleOf({ columns }, row).eventTimeMs).toBe(expected);
  });

  it("may have numbers as text where a table is text, whole numbers as ids, and extra fields", () => {
    expect(sampleOf(NUMBERS, { age: " 3e1 ", income: "low" }, { asText: true }).features[0]).toBe(
      30,
    );
    expect(sampleOf(SCHEMA, { ...RIGHT, key: 12n }).id).toBe("12");
    expect(sampleOf(SCHEMA, { ...RIGHT, job: true }).features).toEqual(
      sampleOf(SCHEMA, { ...RIGHT, job: "true" }).features,
    );
    expect(sampleOf({ ...SCHEMA, extra: "ignore" }, { ...RIGHT, note: 1 }).id).toBe("r1");
  });
});

describe("a row that is broken", () => {
  it.each([
    ["wrongType", "age", { age: "30" }],
    ["wrongType", "age", { age: true }],
    ["wrongType", "job", { job: 5 }],
    ["wrongType", "at", { at: "yesterday" }],
    ["wrongType", "key", { key: 1.5 }],
    ["wrongType", "key", { key: "" }],
    ["wrongType", "income", { income: ["low"] }],
    ["missingField", "age", { age: null }],
    ["missingField", "key", { key: undefined }],
    ["missingField", "income", { income: null }],
    ["extraField", "toString2", { toString2: 1 }],
    ["notFinite", "age", { age: NaN }],
    ["notFinite", "age", { age: "NaN" }],
    ["notFinite", "weight", { weight: -Infinity }],
    ["outOfRange", "age", { age: -1 }],
    ["outOfRange", "age", { age: 121 }],
    ["hugeValue", "weight", { weight: 1e39 }],
    ["hugeValue", "job", { job: "blacksmith" }],
    ["unknownClass", "income", { income: "middle" }],
    ["futureTime", "at", { at: NOW_MS + 60_001 }],
  ] as const)("is known by its first fault: %s in %s of %o", (kind, column, change) => {
    expect(faultOf({ ...RIGHT, ...change })).toMatchObject({ kind, column });
  });

  it("may be dated a minute ahead, as clocks differ", () => {
    expect(faultOf({ ...RIGHT, at: NOW_MS + 60_000 })).toBeNull();
  });

  it("is one whose id was there before", () => {
    expect(faultOf(RIGHT, { isKnown: (id) => id === "r1" })).toMatchObject({ kind: "duplicateId" });
    expect(faultOf(RIGHT, { isKnown: () => false })).toBeNull();
  });

  it("has no field that only the prototype of objects has", () => {
    const columns: readonly TableColumn[] = [
      { name: "toString", kind: "category" },
      ...NUMBERS.columns,
    ];
    const row = { age: 1, income: "low" };
    expect(checkRow({ columns }, row, RULES).fault).toMatchObject({ kind: "missingField" });
  });

  it("is shown with its value, cut where it is long", () => {
    expect(faultOf({ ...RIGHT, age: "x".repeat(500) })).toMatchObject({
      reason: expect.stringMatching(/^"x{63}… is not a number$/) as unknown,
    });
  });
});

describe("a row of JSON", () => {
  const fault = (text: string | Uint8Array): unknown =>
    checkJsonRow(NUMBERS, typeof text === "string" ? new TextEncoder().encode(text) : text, RULES)
      .fault;

  it("may have numbers that JSON does not know, which are not finite", () => {
    expect(fault('{"age": NaN, "income": "low"}')).toMatchObject({
      kind: "notFinite",
      column: "age",
    });
    expect(fault('{"age": 1, "weight": -Infinity, "income": "low"}')).toMatchObject({
      kind: "notFinite",
      column: "weight",
    });
    expect(fault('{"age": 1e999, "income": "low"}')).toMatchObject({ kind: "notFinite" });
    // NaN within a text is text.
    expect(fault('{"age": 1, "income": "NaN"}')).toMatchObject({ kind: "unknownClass" });
  });

  it("is broken where it is no object, no UTF-8 or endless", () => {
    expect(fault("{")).toMatchObject({ kind: "syntax" });
    expect(fault("[1]")).toMatchObject({ kind: "syntax" });
    expect(fault("null")).toMatchObject({ kind: "syntax" });
    expect(fault(Uint8Array.of(0x7b, 0xff, 0x7d))).toMatchObject({ kind: "badUtf8" });
    expect(fault(new Uint8Array(2 ** 20 + 1).fill(32))).toMatchObject({ kind: "hugeValue" });
    expect(fault('{"age": 1, "income": "low"}')).toBeNull();
  });
});

describe("a schema", () => {
  it("follows from the first rows", () => {
    const rows = [
      { key: "a", at: "2026-01-01T00:00:00Z", age: 1, job: "cook", note: "n".repeat(80), y: 10 },
      { key: "b", at: "2026-01-02T00:00:00Z", age: null, job: "smith", note: "", y: 9 },
    ];
    const options = { label: "y", id: "key", eventTime: "at" };
    expect(inferTableSchema(rows, options).columns).toEqual([
      { name: "key", kind: "id" },
      { name: "at", kind: "eventTime", unit: "iso" },
      { name: "age", kind: "number", optional: true },
      { name: "job", kind: "category", bytesMax: 64 },
      { name: "note", kind: "text", bytesMax: 160 },
      { name: "y", kind: "label", classes: ["9", "10"] },
    ]);
  });

  it("has numbers in a column where a few are broken, and none where many are", () => {
    const rows = (broken: number): readonly Row[] =>
      Array.from({ length: 20 }, (_, i) => ({
        x: i < broken ? "?" : i,
        y: i % 2 === 0 ? "n" : "m",
      }));
    const kindOf = (broken: number): string =>
      inferTableSchema(rows(broken), { label: "y" }).columns[0]!.kind;
    expect([kindOf(0), kindOf(2), kindOf(3)]).toEqual(["number", "number", "category"]);
  });

  it("is refused without the label, id or time that it is to have", () => {
    const rows = [
      { a: 1, y: "n" },
      { a: 2, y: "m" },
    ];
    for (const odd of [{ label: "z" }, { label: "y", id: "z" }, { label: "a", eventTime: "z" }]) {
      expect(() => inferTableSchema(rows, odd)).toThrow(TableSchemaError);
    }
    expect(() => inferTableSchema(rows.slice(1), { label: "y" })).toThrow("2 or more");
  });

  it.each([
    [[{ name: "a", kind: "number" }]],
    [[{ name: "y", kind: "label", classes: ["a", "b"] }]],
    [[...NUMBERS.columns, { name: "age", kind: "number" }]],
    [[...NUMBERS.columns, { name: "k", kind: "id" }, { name: "l", kind: "id" }]],
    [[...NUMBERS.columns, { name: "y2", kind: "label", classes: ["a", "b"] }]],
    [
      [
        { name: "a", kind: "number" },
        { name: "y", kind: "label", classes: ["a", "a"] },
      ],
    ],
    [[...NUMBERS.columns, { name: "b", kind: "number", min: 2, max: 1 }]],
    [[...NUMBERS.columns, { name: "b", kind: "text", bytesMax: 0 }]],
    [[...NUMBERS.columns, { name: "b", kind: "text", bytesMax: 65_535 }]],
  ] as readonly [readonly TableColumn[]][])("is refused when it cannot be: %o", (columns) => {
    expect(() => checkTableSchema({ columns })).toThrow(TableSchemaError);
  });
});
