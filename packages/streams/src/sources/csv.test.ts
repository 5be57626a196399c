import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { decodeRow, type EverfreshError, ManualClock, type Sample } from "@everfresh/core";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { memoryQuarantine } from "../quarantine/memory-quarantine.ts";
import { rowColumnsOf, type TableColumn } from "../tables/table-schema.ts";
import { csv } from "./csv.ts";
import type { CsvOptions } from "./csv-options.ts";
import { dirtyFileConformance } from "./dirty-file.conformance.ts";
import { csvOf, DIRTY_SCHEMA } from "./dirty-rows.fixture.ts";
import { sourceConformance } from "./source.conformance.ts";

/** The real data, if this machine has it. */
const REAL = join(process.env["EVERFRESH_DATA"] ?? resolve("../shared/data"), "drift-streams");

const ADULT = join(REAL, "..", "fairness", "adult.data.gz");
const ADULT_COLUMNS = [
  ...["age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation"],
  ...["relationship", "race", "sex", "capital-gain", "capital-loss", "hours-per-week"],
  ...["native-country", "income"],
];

let directory = "";
let numbered = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "everfresh-csv-"));
  const rows = Array.from({ length: 1200 }, (_, i) => `${i},${i / 8},${i % 3 === 0 ? "a" : "b"}`);
  numbered = await file(`n,eighth,kind\n${rows.join("\n")}\n`, "numbered.csv");
});
afterAll(() => rm(directory, { recursive: true }));

sourceConformance("csv", () => csv({ file: numbered, label: "kind" }), {
  directory: () => directory,
});

dirtyFileConformance("csv", {
  write: csvOf,
  lineOf: (i) => i + 2,
  open: (path, options) => csv({ ...options, file: path, schema: DIRTY_SCHEMA, name: "rows" }),
  asText: true,
});

describe("csv", () => {
  it("gives every row as a sample: numbers by the columns, the class by its place", async () => {
    const source = await csv({ file: numbered, label: "kind" });
    expect(source).toMatchObject({ name: "numbered", size: 1200 });
    expect(source.schema.features).toEqual({ dtype: "float32", shape: [2] });
    expect(source.schema.target).toEqual({ kind: "classes", count: 2, labels: ["a", "b"] });
    expect((await all(source)).slice(2, 4)).toEqual([
      { id: "numbered-2", eventTimeMs: 2, features: Float32Array.of(2, 0.25), label: 1 },
      { id: "numbered-3", eventTimeMs: 3, features: Float32Array.of(3, 0.375), label: 0 },
    ]);
  });

  it("reads back whatever numbers and classes a writer quotes", async () => {
    const value = fc.float({ noDefaultInfinity: true, noNaN: true }).map((n) => n + 0);
    const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 6 });
    const words = fc.uniqueArray(
      name.map((text) => text.trim()).filter((text) => text !== ""),
      { minLength: 2, maxLength: 4 },
    );
    const row = fc.tuple(value, value, fc.nat(20));
    const rows = fc.array(row, { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(words, rows, fc.constantFrom("\n", "\r\n"), async (names, table, end) => {
        const lines = table.map(([a, b, n]) => [String(a), String(b), names[n % names.length]!]);
        const text = lines.map((fields) => fields.map(quoted).join(",") + end).join("");
        const path = await file(text, "quoted.csv");
        const source = await csv({ file: path, label: 2, header: false, classes: names });
        const samples = await all(source);
        expect(samples.map(({ features }) => [...features])).toEqual(
          table.map(([a, b]) => [Math.fround(a), Math.fround(b)]),
        );
        expect(samples.map(({ label }) => label)).toEqual(table.map(([, , n]) => n % names.length));
      }),
      { numRuns: 60 },
    );
  });

  it("takes gzip, a byte order mark, another delimiter, blank lines and no header", async () => {
    const text = "\uFEFF1; 2;x\r\n\r\n3;4e0 ;y\r\n";
    for (const content of [text, gzipSync(text)]) {
      const path = await file(content, "packed.txt");
      const source = await csv({ file: path, label: 2, header: false, delimiter: ";" });
      const samples = await all(source);
      expect(samples.map(({ features }) => [...features])).toEqual([
        [1, 2],
        [3, 4],
      ]);
      expect(source.schema.target.labels).toEqual(["x", "y"]);
    }
  });

  it("takes the columns that it is told, in that order, by name or place", async () => {
    const path = await file("day,price,load,class\n7,1.5,3,up\n8,2.5,4,down\n", "chosen.csv");
    const source = await csv({ file: path, label: 3, features: ["load", 1], name: "market" });
    const [first] = await all(source);
    expect(first).toMatchObject({ id: "market-0", features: Float32Array.of(3, 1.5), label: 1 });
  });

  it("orders discovered classes by value where they are numbers, else by letters", async () => {
    const labels = async (...names: string[]): Promise<readonly string[]> => {
      const path = await file(`x,y\n${names.map((name) => `1,${name}`).join("\n")}`, "c.csv");
      return (await csv({ file: path, label: "y" })).schema.target.labels;
    };
    expect(await labels("10", "9", "-1", "10")).toEqual(["-1", "9", "10"]);
    expect(await labels("UP", "DOWN", "10")).toEqual(["10", "DOWN", "UP"]);
  });

  it("names line and column of a value that is no number", async () => {
    for (const value of ["", "?", "0x10", "1e39", "NaN", "Infinity", "1,5"]) {
      const path = await file(`a,b,c\n1,2,x\n3,${quoted(value)},y\n`, "odd.csv");
      const error = await failure({ file: path, label: "c" });
      expect(error).toMatchObject({
        code: "EF_SOURCE_ROW",
        details: { path, place: "line 3", column: "b" },
      });
      expect(error.message).toContain(
        `line 3, column b: ${value === "" ? "the row has" : `"${value}"`}`,
      );
    }
  });

  it("counts the lines of a value with line breaks", async () => {
    const path = await file('a,c\n1,"two\nlines"\n2,x\n\noops,x\n', "broken.csv");
    const error = await failure({ file: path, label: "c" });
    expect(error.details).toMatchObject({ place: "line 6", column: "a", kind: "wrongType" });
  });

  it("names a class that is not listed", async () => {
    const path = await file("a,c\n1,up\n2,left\n", "listed.csv");
    const error = await failure({ file: path, label: "c", classes: ["up", "down"] });
    expect(error).toMatchObject({
      code: "EF_SOURCE_ROW",
      details: { place: "line 3", column: "c", kind: "unknownClass" },
    });
    expect(error.message).toContain("none of the classes up, down");
  });

  it.each([
    ["a column that is not there", "a,b\n1,x\n", { label: "class" }, /no column class; .* a, b/],
    ["a name without a header", "1,x\n", { header: false }, /places 0 to 1 and no names/],
    ["the label as a feature", "a,c\n1,x\n", { features: ["c"] }, /column c is the label/],
    ["no features", "c\nx\n", {}, /column c is the label/],
    ["no rows", "a,c\n", {}, /has no row of values/],
    ["an empty file", "", {}, /has no row of values/],
    ["one class only", "a,c\n1,x\n2,x\n", {}, /fewer than 2 classes in column c/],
    ["an open quote in its first row", '"a,c\n1,x\n2,y\n', {}, /no table of values/],
    ["an odd delimiter", "a,c\n1,x\n2,y\n", { delimiter: '"' }, /between its values/],
    ["too few names", "1,x\n2,y\n", { header: ["c"] }, /2 values in its first row, and 1 names/],
  ])("refuses %s", async (_, text, options, message) => {
    const path = await file(text, "refused.csv");
    const error = await failure({ file: path, label: "c", ...options });
    expect(error.code).toBe("EF_SOURCE_FORMAT");
    expect(error.message).toContain(path);
    expect(error.message).toMatch(message);
  });

  it("refuses a missing file and damaged gzip", async () => {
    const missing = { file: join(directory, "nowhere.csv"), label: 0 };
    expect(await failure(missing)).toMatchObject({ code: "EF_SOURCE_UNREADABLE" });
    const packed = gzipSync("a,c\n1,x\n2,y\n");
    const path = await file(packed.subarray(0, packed.length - 4), "cut.csv.gz");
    expect(await failure({ file: path, label: "c" })).toMatchObject({ code: "EF_SOURCE_GZIP" });
  });

  it("takes typed columns, given or found in the first rows, and texts that mean nothing", async () => {
    const text = "key,age,job,y\n7,30,cook,1.0\n8,?,smith,2.0\n9,41, n/a ,1.0\n";
    const path = await file(text, "typed.csv");
    const columns: readonly TableColumn[] = [
      { name: "key", kind: "id" },
      { name: "age", kind: "number", optional: true },
      { name: "job", kind: "category", bytesMax: 8, optional: true },
      { name: "y", kind: "label", classes: ["1.0", "2.0"] },
    ];
    const missing = ["?", "n/a"];
    const given = await csv({ file: path, schema: { columns }, missing });
    const rows = (await all(given)).map(({ id, features, label }) => [
      ...[id, label],
      ...decodeRow(rowColumnsOf({ columns }), features as Uint8Array),
    ]);
    expect(rows).toEqual([
      ["7", 0, 30, "cook"],
      ["8", 1, null, "smith"],
      ["9", 0, 41, null],
    ]);
    const found = await csv({ file: path, schema: { label: "y", id: "key" }, missing });
    expect(found.schema.target.labels).toEqual(["1.0", "2.0"]);
    expect((await all(found)).map(({ id }) => id)).toEqual(["7", "8", "9"]);
    const less = columns.filter(({ name }) => name !== "job");
    const extra = failure({ file: path, schema: { columns: less }, missing });
    expect(await extra).toMatchObject({ code: "EF_SOURCE_FORMAT", details: { columns: ["job"] } });
    const ignoring = { columns: less, extra: "ignore" } as const;
    expect((await csv({ file: path, schema: ignoring, missing })).schema.features.shape).toEqual([
      1,
    ]);
    const more: readonly TableColumn[] = [...columns, { name: "pay", kind: "number" }];
    expect(await failure({ file: path, schema: { columns: more }, missing })).toMatchObject({
      code: "EF_SOURCE_FORMAT",
      details: { columns: ["pay"] },
    });
  });

  it("takes nothing of a gzip that is damaged, with a quarantine neither", async () => {
    const packed = gzipSync("a,c\n1,x\n2,y\n");
    // Its checksum says that something is wrong, not where.
    packed[packed.length - 6] = (packed[packed.length - 6] ?? 0) ^ 1;
    const path = await file(packed, "damaged.csv.gz");
    await using quarantine = memoryQuarantine({ clock: new ManualClock(0) });
    for (const options of [{}, { quarantine }]) {
      const opening = failure({ file: path, label: "c", ...options });
      expect(await opening).toMatchObject({ code: "EF_SOURCE_GZIP", isCut: false });
    }
    expect(await quarantine.list()).toEqual([]);
  });

  it.skipIf(!existsSync(ADULT))(
    "reads Adult, whose columns have numbers, names and gaps",
    async () => {
      await using quarantine = memoryQuarantine({ clock: new ManualClock(0) });
      const source = await csv({
        ...{ file: ADULT, header: ADULT_COLUMNS, missing: ["?"], schema: { label: "income" } },
        quarantine,
      });
      expect(source.schema.target.labels).toEqual(["<=50K", ">50K"]);
      const samples = await all(source);
      const waiting = await quarantine.counts();
      // Some columns have their first gap only behind the rows that the schema was found in.
      expect(samples.length + (waiting.missingField ?? 0)).toBe(32_561);
      expect(Object.keys(waiting).filter((kind) => kind !== "missingField")).toEqual([]);
      expect(samples.length).toBeGreaterThan(31_000);
    },
  );

  it.skipIf(!existsSync(REAL))("reads Elec2 and the weather of NOAA", async () => {
    const elec2 = await csv({ file: join(REAL, "elec2.csv.gz"), label: "class" });
    expect(elec2).toMatchObject({ name: "elec2", size: 45_312 });
    expect(elec2.schema.target.labels).toEqual(["DOWN", "UP"]);
    const labels = (await all(elec2)).map(({ label }) => label);
    expect(labels.filter((label) => label === 1)).toHaveLength(19_237);
    // The share of labels that equal the one before, as River's NoChangeClassifier has it.
    const same = labels.filter((label, i) => i > 0 && label === labels[i - 1]).length;
    expect(same / labels.length).toBeCloseTo(0.8533, 4);
    const weather = await csv({ file: join(REAL, "noaa_weather.csv.gz"), label: "rain" });
    expect(weather.size).toBe(18_159);
    const rain = (await all(weather)).filter(({ label }) => label === 1);
    expect(rain).toHaveLength(5_698);
  });
});

async function file(content: string | Uint8Array, name: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

async function all(source: { read(): AsyncIterable<Sample> }): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of source.read()) samples.push(sample);
  return samples;
}

async function failure(options: CsvOptions): Promise<EverfreshError> {
  return csv(options).then(
    () => Promise.reject(new Error("csv() took it")),
    (error: unknown) => error as EverfreshError,
  );
}
