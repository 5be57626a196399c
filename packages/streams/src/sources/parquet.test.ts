import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeRow, ManualClock, type Sample } from "@everfresh/core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SourceFormatError, SourceRowError, SourceUnreadableError } from "../errors.ts";
import { memoryQuarantine } from "../quarantine/memory-quarantine.ts";
import { rowColumnsOf, type TableSchema } from "../tables/table-schema.ts";
import { parquet } from "./parquet.ts";
import type { Source } from "./source.ts";
import { sourceConformance } from "./source.conformance.ts";

/** Made by bench/peers/golden_parquet.py with PyArrow. */
const golden = JSON.parse(
  readFileSync(new URL("./parquet.golden.json", import.meta.url), "utf8"),
) as {
  readonly rows: number;
  readonly files: Readonly<Record<string, string>>;
  readonly broken: string;
};

const SCHEMA: TableSchema = {
  columns: [
    { name: "key", kind: "id" },
    { name: "at", kind: "eventTime" },
    { name: "age", kind: "number" },
    { name: "weight", kind: "number", optional: true },
    { name: "job", kind: "category" },
    { name: "income", kind: "label", classes: ["low", "high"] },
  ],
};

let directory = "";
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "everfresh-parquet-"));
  for (const [codec, content] of Object.entries(golden.files)) {
    await writeFile(join(directory, `${codec}.parquet`), content, "base64");
  }
  await writeFile(join(directory, "broken.parquet"), golden.broken, "base64");
});
afterAll(() => rm(directory, { recursive: true }));
const at = (name: string): string => join(directory, `${name}.parquet`);

sourceConformance("Parquet", () => parquet({ file: at("snappy"), schema: SCHEMA }), {
  directory: () => directory,
});

describe("Parquet", () => {
  it.each(Object.keys(golden.files))("gives every row of what PyArrow wrote: %s", async (codec) => {
    const source = await parquet({ file: at(codec), schema: SCHEMA });
    expect(source.size).toBe(golden.rows);
    const columns = rowColumnsOf(SCHEMA);
    const samples = await all(source);
    expect(samples).toHaveLength(golden.rows);
    for (const [i, { id, eventTimeMs, features, label }] of samples.entries()) {
      expect([id, eventTimeMs, label]).toEqual([
        `row-${i}`,
        (1_700_000_000 + i) * 1000,
        i % 4 === 0 ? 1 : 0,
      ]);
      expect(decodeRow(columns, features as Uint8Array)).toEqual([
        i % 90,
        i % 7 === 3 ? null : i / 8,
        ["cook", "smith", "poète"][i % 3],
      ]);
    }
  });

  it("infers its schema from the first rows", async () => {
    const options = { label: "income", id: "key", eventTime: "at" };
    const source = await parquet({ file: at("none"), ...options, classes: ["low", "high"] });
    expect(source.schema.target.labels).toEqual(["low", "high"]);
    expect(source.schema.features.dtype).toBe("uint8");
    expect(await all(source)).toHaveLength(golden.rows);
    const undated = parquet({ file: at("none"), label: "income", id: "key" });
    await expect(undated).rejects.toThrow('column "at" holds times');
  });

  it("names file, row and column of the first row that is broken", async () => {
    const schema: TableSchema = {
      columns: [
        { name: "x", kind: "number" },
        { name: "class", kind: "label", classes: ["a", "b"] },
      ],
    };
    const opening = parquet({ file: at("broken"), schema });
    await expect(opening).rejects.toThrow(SourceRowError);
    await expect(opening).rejects.toThrow("row 1, column x: NaN is not a finite number");
    await using quarantine = memoryQuarantine({ clock: new ManualClock() });
    const source = await parquet({ file: at("broken"), schema, quarantine });
    expect((await all(source)).map(({ id, label }) => [id, label])).toEqual([
      ["broken-0", 0],
      ["broken-6", 1],
    ]);
    const listed = await quarantine.list();
    expect(listed.map(({ place, fault }) => [place, fault.kind])).toEqual([
      ["row 1", "notFinite"],
      ["row 2", "missingField"],
      ["row 3", "unknownClass"],
      ["row 4", "notFinite"],
      ["row 5", "hugeValue"],
    ]);
    expect(Buffer.from(listed[0]!.bytes).toString()).toBe('{"x":"NaN","class":"b"}');
  });

  it("refuses what is no Parquet file, is cut, or is not there", async () => {
    const bytes = Buffer.from(golden.files["snappy"]!, "base64");
    for (const content of [Buffer.from("no"), Buffer.alloc(500), bytes.subarray(0, -40)]) {
      const file = at("odd");
      await writeFile(file, content);
      await expect(parquet({ file, schema: SCHEMA })).rejects.toThrow(SourceFormatError);
    }
    const absent = parquet({ file: at("absent"), schema: SCHEMA });
    await expect(absent).rejects.toThrow(SourceUnreadableError);
  });
});

async function all(source: Source): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of source.read()) samples.push(sample);
  return samples;
}
