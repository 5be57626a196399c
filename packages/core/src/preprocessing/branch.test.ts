import { describe, expect, it } from "vitest";
import { ShapeError, ValueRangeError } from "../errors.ts";
import { type Pipeline, pipeline, type Step } from "./pipeline.ts";
import type { Preprocessor } from "./preprocessor.ts";
import { preprocessorOf } from "./preprocessor-of.ts";
import { joined } from "./split-float.ts";
import type { RowColumn } from "./row-layout.ts";
import { encodeRow } from "./table-row.ts";

const COLUMNS = ["a", "b", "c"];

function numbers(steps: readonly Step[]): Preprocessor {
  return preprocessorOf(
    pipeline({ raw: { kind: "numbers", columns: COLUMNS }, branches: [{ steps }] }),
  );
}

const STANDARD = numbers([{ kind: "standardise" }, { kind: "impute", with: 0 }]);

describe("branches", () => {
  const columns: readonly RowColumn[] = [
    { name: "age", kind: "number" },
    { name: "job", kind: "text", bytesMax: 12 },
    { name: "hours", kind: "number" },
  ];
  const spec = pipeline({
    raw: { kind: "row", columns },
    branches: [
      { columns: ["hours", "age"], steps: [{ kind: "impute", with: -1 }] },
      {
        columns: ["job"],
        encoder: { kind: "oneHot", categories: [["cook", "smith"]], other: true },
      },
    ],
  });

  it("stand one after another, each with the columns that it names in that order", () => {
    const preprocessor = preprocessorOf(spec);
    expect(preprocessor.inputShape).toEqual([5]);
    const rows = [
      [30, "smith", 40],
      [null, "poet", 12],
      [7, null, null],
    ] as const;
    const batch = rows.map((row) => encodeRow(columns, row));
    expect([...preprocessor.transform([], batch)]).toEqual([
      ...[40, 30, 0, 1, 0],
      ...[12, -1, 0, 0, 1],
      ...[-1, 7, 0, 0, 0],
    ]);
  });

  it("learn and transform each by itself", () => {
    const { raw } = spec;
    const steps: readonly Step[] = [{ kind: "impute", with: "mean" }, { kind: "standardise" }];
    const branches: Pipeline["branches"] = [
      { columns: ["age"], steps },
      { columns: ["job"], encoder: { kind: "hashed", size: 3 }, steps },
      { columns: ["hours", "age"], steps: [{ kind: "minMax" }, { kind: "impute", with: 0 }] },
    ];
    const together = preprocessorOf(pipeline({ raw, branches }));
    const alone = branches.map((branch) => preprocessorOf(pipeline({ raw, branches: [branch] })));
    const batch = [3, null, 8, 5].map((age, i) => encodeRow(columns, [age, `job ${i}`, i * i]));
    const statistics = together.observe(together.initial(), batch);
    const parts = alone.map((one) => one.observe(one.initial(), batch));
    expect(statistics).toEqual(parts.flat());
    expect(new Set(together.statistics.map(({ name }) => name)).size).toBe(statistics.length);
    const inputs = together.transform(statistics, batch);
    const expected = batch.flatMap((_, i) =>
      alone.flatMap((one, b) => {
        const size = one.inputShape[0]!;
        return [...one.transform(parts[b]!, batch).subarray(i * size, (i + 1) * size)];
      }),
    );
    expect([...inputs]).toEqual(expected);
    const later = together.observe(statistics, batch.slice(0, 1));
    const distances = alone.map((one, b) =>
      one.distance(parts[b]!, one.observe(parts[b]!, batch.slice(0, 1))),
    );
    expect(together.distance(statistics, later)).toBe(Math.max(...distances));
  });

  it("refuse columns that are not there, mixed kinds, and encoders where they do not fit", () => {
    const { raw } = spec;
    const wrong: readonly Pipeline["branches"][] = [
      [],
      [{ columns: [] }],
      [{ columns: ["height"] }],
      [{ columns: ["age", "job"] }],
      [{ columns: ["job"] }],
      [{ columns: ["age"], encoder: { kind: "hashed", size: 8 } }],
      [{ columns: ["job"], encoder: { kind: "hashed", size: 0 } }],
      [{ columns: ["job"], encoder: { kind: "oneHot", categories: [["a", "a"]] } }],
      [{ columns: ["job"], encoder: { kind: "oneHot", categories: [] } }],
      [{ columns: ["age"], steps: [{ kind: "resize", width: 2, height: 2 }] }],
      [{ columns: ["age"], steps: [{ kind: "scale", std: [0] }] }],
      [{ columns: ["age"], steps: [{ kind: "scale", mean: [1, 2] }] }],
      [{ columns: ["age"], steps: [{ kind: "minMax", low: 1, high: 1 }] }],
      [{ columns: ["age"], steps: [{ kind: "impute", with: NaN }] }],
      [{ columns: ["age"], steps: [{ kind: "standardise", memorySamples: 0 }] }],
      [{ columns: ["age"], steps: [{ kind: "clip", low: 2, high: 1 }] }],
    ];
    for (const branches of wrong) {
      expect(() => preprocessorOf(pipeline({ raw, branches }))).toThrow(ShapeError);
    }
  });
});

describe("a transform", () => {
  it("refuses samples of another size and statistics of another pipeline", () => {
    const batch = [new Float32Array(2)];
    expect(() => STANDARD.transform(STANDARD.initial(), batch)).toThrow("2 values");
    expect(() => STANDARD.observe(STANDARD.initial(), batch)).toThrow(ShapeError);
    expect(() => STANDARD.transform([], [new Float32Array(3)])).toThrow("another pipeline");
    expect(() => STANDARD.distance(STANDARD.initial(), [])).toThrow("another pipeline");
  });

  it("never gives a model a number that is missing", () => {
    const bare = numbers([{ kind: "clip", low: -1, high: 1 }]);
    const transform = (): unknown => bare.transform([], [Float32Array.of(1, Infinity, 2)]);
    expect(transform).toThrow(ValueRangeError);
    expect(transform).toThrow("Number 1 of a sample is missing");
  });

  it("scales every channel of images and series by its own numbers", () => {
    const scaled = (raw: Pipeline["raw"]): Preprocessor =>
      preprocessorOf(
        pipeline({
          raw,
          branches: [{ steps: [{ kind: "scale", unit: 2, mean: [0, 1], std: [1, 4] }] }],
        }),
      );
    const values = Uint8Array.of(2, 4, 6, 8);
    const planes = scaled({ kind: "image", width: 2, height: 1, channels: 2 });
    expect([...planes.transform([], [values])]).toEqual([1, 2, 0.5, 0.75]);
    const series = scaled({ kind: "series", length: 2, channels: 2 });
    expect(series.inputShape).toEqual([2, 2]);
    expect([...series.transform([], [values])]).toEqual([1, 0.25, 3, 0.75]);
  });

  it("learns one mean per channel of a series, from all its rows", () => {
    const series = preprocessorOf(
      pipeline({
        raw: { kind: "series", length: 2, channels: 2 },
        branches: [{ steps: [{ kind: "standardise" }] }],
      }),
    );
    const statistics = series.observe(series.initial(), [Float32Array.of(1, 10, 3, 30)]);
    expect(statistics.map((tensor) => [...joined(tensor)])).toEqual([
      [2, 2],
      [2, 20],
      [1, 100],
    ]);
  });
});

describe("text", () => {
  const tokens = (length: number, size = 50): Preprocessor =>
    preprocessorOf(
      pipeline({
        raw: { kind: "row", columns: [{ name: "text", kind: "text", bytesMax: 60 }] },
        branches: [
          {
            encoder: { kind: "tokens", vocabulary: { kind: "hashing", size }, length, padding: 0 },
          },
        ],
      }),
    );
  const row = (text: string | null): Uint8Array =>
    encodeRow([{ name: "text", kind: "text", bytesMax: 60 }], [text]);

  it("becomes one id per word and sign, whatever the case, then padding", () => {
    const [one, other] = ["Keep it, keep IT", "keep it , keep it"].map((text) => [
      ...tokens(7).transform([], [row(text)]),
    ]);
    expect(one).toEqual(other);
    expect(one![0]).toBe(one![3]);
    expect(one!.slice(0, 5).every((id) => id >= 1 && id < 50)).toBe(true);
    expect(one!.slice(5)).toEqual([0, 0]);
    expect(new Set(one!.slice(0, 3)).size).toBe(3);
  });

  it("is cut where it is too long, and all padding where it is missing", () => {
    expect([...tokens(2).transform([], [row("a b c")])]).toEqual(
      [...tokens(9).transform([], [row("a b c")])].slice(0, 2),
    );
    expect([...tokens(3).transform([], [row(null)])]).toEqual([0, 0, 0]);
  });
});
