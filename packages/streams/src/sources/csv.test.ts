import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import type { EverfreshError, Sample } from "@everfresh/core";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { csv, type CsvOptions } from "./csv.ts";
import { sourceConformance } from "./source.conformance.ts";

/** The real data, if this machine has it. */
const REAL = join(process.env["EVERFRESH_DATA"] ?? resolve("../shared/data"), "drift-streams");

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
        code: "EF_SOURCE_VALUE",
        details: { path, line: 3, column: "b", value },
      });
      expect(error.message).toContain(`line 3, column b: "${value}"`);
    }
  });

  it("counts the lines of a value with line breaks", async () => {
    const path = await file('a,c\n1,"two\nlines"\n2,x\n\noops,x\n', "broken.csv");
    const error = await failure({ file: path, label: "c" });
    expect(error.details).toMatchObject({ line: 6, column: "a", value: "oops" });
  });

  it("names a class that is not listed", async () => {
    const path = await file("a,c\n1,up\n2,left\n", "listed.csv");
    const error = await failure({ file: path, label: "c", classes: ["up", "down"] });
    expect(error).toMatchObject({
      code: "EF_SOURCE_VALUE",
      details: { line: 3, column: "c", value: "left" },
    });
    expect(error.message).toContain("one of the classes up, down");
  });

  it.each([
    ["a row that is too short", "a,b,c\n1,2,x\n3,y\n", {}, /2 values in line 3, 3 in its first/],
    ["a column that is not there", "a,b\n1,x\n", { label: "class" }, /no column class; .* a, b/],
    ["a name without a header", "1,x\n", { header: false }, /places 0 to 1 and no names/],
    ["the label as a feature", "a,c\n1,x\n", { features: ["c"] }, /column c is the label/],
    ["no features", "c\nx\n", {}, /column c is the label/],
    ["no rows", "a,c\n", {}, /has no row of values/],
    ["an empty file", "", {}, /has no row of values/],
    ["one class only", "a,c\n1,x\n2,x\n", {}, /fewer than 2 classes in column c/],
    ["an open quote", 'a,c\n1,x\n2,"y\n', {}, /no table of values/],
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
