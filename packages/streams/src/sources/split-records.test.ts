import { parse } from "csv-parse";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { csvRecords, csvValues } from "./csv-records.ts";
import {
  type FoundRecord,
  LINES,
  RECORD_BYTES_MAX,
  type RecordFormat,
  type RecordPlace,
  splitRecords,
} from "./split-records.ts";

const START: RecordPlace = { offset: 0, line: 1, number: 1 };
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);

async function* chunksOf(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    yield await Promise.resolve(bytes.slice(at, at + size));
    at += size;
  }
}

async function recordsOf(
  text: string | Uint8Array,
  format: RecordFormat,
  {
    sizes = [7],
    from = START,
    cut = false,
  }: {
    readonly sizes?: readonly number[];
    readonly from?: RecordPlace;
    readonly cut?: boolean;
  } = {},
): Promise<readonly FoundRecord[]> {
  const bytes = typeof text === "string" ? encode(text) : text;
  const chunks = chunksOf(bytes.subarray(from.offset), sizes);
  const found: FoundRecord[] = [];
  for await (const record of splitRecords(chunks, format, from, () => cut)) found.push(record);
  return found;
}

const textsOf = (records: readonly FoundRecord[]): readonly string[] =>
  records.map(({ bytes }) => decode(bytes));

const pieces = fc.constantFrom("a", "é", '"', '""', ",", "\n", "\r\n", "b,c", '"x"', "\r");
const texts = fc.array(pieces, { maxLength: 30 }).map((parts) => parts.join(""));
const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 });

describe("records", () => {
  it("are the same wherever chunks end, and from the place of any of them on", async () => {
    for (const format of [LINES, csvRecords(",")]) {
      await fc.assert(
        fc.asyncProperty(texts, sizes, fc.boolean(), async (text, parts, cut) => {
          const whole = await recordsOf(text, format, { sizes: [1_000], cut });
          expect(await recordsOf(text, format, { sizes: parts, cut })).toEqual(whole);
          for (const [i, { offset, line, number }] of whole.entries()) {
            const from = { offset, line, number };
            const rest = await recordsOf(text, format, { sizes: parts, from, cut });
            expect(rest).toEqual(whole.slice(i));
          }
        }),
        { numRuns: 300 },
      );
    }
  });

  it("of lines are its lines that are not empty", async () => {
    await fc.assert(
      fc.asyncProperty(texts, sizes, async (text, parts) => {
        const found = await recordsOf(text, LINES, { sizes: parts });
        const lines = text.split("\n").map((line) => line.replace(/\r$/, ""));
        const expected = lines.flatMap((line, i) => (line === "" ? [] : [[i + 1, line]]));
        expect(found.map(({ line, bytes }) => [line, decode(bytes)])).toEqual(expected);
        expect(found.map(({ number }) => number)).toEqual(found.map(({ line }) => line));
      }),
    );
  });

  it("of a table are those of another parser, where that one takes it", async () => {
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(texts, sizes, async (text, parts) => {
        const expected = await parsedBy(text);
        if (expected === null) return;
        taken++;
        const found = await recordsOf(text, csvRecords(","), { sizes: parts });
        expect(textsOf(found).map((record) => csvValues(record, ","))).toEqual(expected);
      }),
      { numRuns: 600 },
    );
    expect(taken).toBeGreaterThan(100);
  });

  it("of a table after one with an odd quote are found again in the next line", async () => {
    const text = 'a,b\n1,"open\n2,x\n3,q"uote\n4,"two\nlines"\n5,"x"y\n6,z\n';
    const found = await recordsOf(text, csvRecords(","));
    expect(textsOf(found)).toEqual([
      ...["a,b", '1,"open', "2,x", '3,q"uote', '4,"two\nlines"', '5,"x"y', "6,z"],
    ]);
    expect(found.map(({ line }) => line)).toEqual([1, 2, 3, 4, 5, 7, 8]);
    expect(textsOf(found).map((record) => csvValues(record, ",") === null)).toEqual([
      ...[false, true, false, true, false, true, false],
    ]);
  });

  it("that the file breaks off are open to its end", async () => {
    const text = '1,x\n2,"a\nb,c\nd';
    expect(textsOf(await recordsOf(text, csvRecords(","), { cut: true }))).toEqual([
      "1,x",
      '2,"a\nb,c\nd',
    ]);
    const open = (await recordsOf(text, csvRecords(","), { cut: true })).map(
      ({ isOpen }) => isOpen,
    );
    expect(open).toEqual([false, true]);
  });

  it("do not have the mark that some writers begin a file with", async () => {
    const [first, second] = await recordsOf("\uFEFFa\nb\n", LINES, { sizes: [100] });
    expect(decode(first!.bytes)).toBe("a");
    expect(second).toMatchObject({ offset: 5, line: 2 });
  });

  it("that are longer than any may be are given by their beginning, and the next one is found", async () => {
    const long = "x".repeat(3 * RECORD_BYTES_MAX);
    const text = `1\n${long}\n2\n"${long}\n3\n`;
    for (const format of [LINES, csvRecords(",")]) {
      const found = await recordsOf(text, format, { sizes: [1 << 16] });
      expect(found.map(({ line }) => line)).toEqual([1, 2, 3, 4, 5]);
      const lengths = found.map(({ bytes }) => bytes.length);
      expect(lengths.filter((length) => length === 1)).toHaveLength(3);
      for (const length of [lengths[1]!, lengths[3]!]) {
        expect(length).toBeGreaterThan(RECORD_BYTES_MAX);
        expect(length).toBeLessThan(RECORD_BYTES_MAX + 2 * (1 << 16));
      }
    }
  });
});

/** What csv-parse makes of it; null where it refuses it. */
async function parsedBy(text: string): Promise<readonly string[][] | null> {
  // Lines that end in a lone return are lines to it, and text to us.
  if (/\r(?!\n)/.test(text)) return null;
  return new Promise((resolve) => {
    const options = {
      relax_column_count: true,
      skip_empty_lines: true,
      record_delimiter: ["\n", "\r\n"],
    };
    parse(text, options, (error, records) => resolve(error === undefined ? records : null));
  });
}
