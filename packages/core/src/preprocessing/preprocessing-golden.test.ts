import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { bytePairOf, bytePairTokenizer } from "./byte-pair.ts";
import type { FeatureStatistics } from "./feature-statistics.ts";
import { murmurHashOf } from "./murmur-hash.ts";
import { type Branch, type Encoder, pipeline, type Step } from "./pipeline.ts";
import type { Preprocessor } from "./preprocessor.ts";
import { preprocessorOf } from "./preprocessor-of.ts";
import { joined } from "./split-float.ts";
import type { RowColumn } from "./row-layout.ts";
import { encodeRow } from "./table-row.ts";

type Rows = readonly (readonly (number | null)[])[];

interface PartialFit {
  readonly size: number;
  readonly count: readonly number[];
  readonly mean: readonly number[];
  readonly variance: readonly number[];
  readonly standardised: Rows;
  readonly min: readonly number[];
  readonly max: readonly number[];
  readonly minMax: Rows;
}

interface Golden {
  readonly values: Rows;
  readonly missing: Rows;
  readonly whole: readonly PartialFit[];
  readonly gaps: readonly PartialFit[];
  readonly imputed: Rows;
  readonly categories: {
    readonly lists: readonly (readonly string[])[];
    readonly rows: readonly (readonly string[])[];
    readonly oneHot: Rows;
    readonly hashed: Readonly<Record<string, Rows>>;
    readonly murmur: readonly (readonly [string, number])[];
  };
  readonly bytePairs: {
    readonly texts: readonly string[];
    readonly ids: readonly (readonly number[])[];
    readonly prefixed: readonly (readonly number[])[];
    readonly file: { readonly model: { readonly vocab: object; readonly merges: string[][] } };
  };
}

/** Made by bench/peers/golden_preprocessing.py with scikit-learn 1.9.1 and tokenizers 0.23.3. */
const golden = JSON.parse(
  readFileSync(new URL("./preprocessing.golden.json", import.meta.url), "utf8"),
) as Golden;

const NUMBERS: readonly RowColumn[] = ["a", "b", "c", "d", "e"].map((name) => ({
  name,
  kind: "number",
}));

/** A table of float64: rows keep what Float32Array would round. */
function table(steps: readonly Step[]): Preprocessor {
  return preprocessorOf(
    pipeline({ raw: { kind: "row", columns: NUMBERS }, branches: [{ steps }] }),
  );
}

function rowsOf(values: Rows): readonly Uint8Array[] {
  return values.map((row) => encodeRow(NUMBERS, row));
}

/** As `Float32Array` rounds what scikit-learn has in float64; a missing one is put as 77 by a step. */
function expectRows(actual: Float32Array, expected: Rows): void {
  expected.flat().forEach((value, i) => {
    const wanted = value ?? 77;
    expect(Math.abs(actual[i]! - wanted)).toBeLessThanOrEqual(2e-6 * Math.max(1, Math.abs(wanted)));
  });
}

describe.each([
  ["without gaps", golden.values, golden.whole],
  ["with missing numbers", golden.missing, golden.gaps],
] as const)("batches %s, against scikit-learn", (_, values, fits) => {
  it("have the count, mean and variance of StandardScaler.partial_fit after each", () => {
    const standard = table([{ kind: "standardise" }, { kind: "impute", with: 77 }]);
    eachFit(standard, values, fits, (statistics, fit) => {
      const [count, mean, variance] = statistics.map(joined);
      expect([...count!]).toEqual(fit.count);
      fit.mean.forEach((m, c) => expect(mean![c]! / m).toBeCloseTo(1, 12));
      fit.variance.forEach((v, c) => {
        // The constant column: what is left there is rounding, scikit-learn's or ours.
        if (c === 3) expect(variance![c]).toBeLessThan(1e-30);
        else if (v === 0) expect(variance![c]).toBe(0);
        else expect(variance![c]! / v).toBeCloseTo(1, 7);
      });
      expectRows(standard.transform(statistics, rowsOf(values.slice(0, 8))), fit.standardised);
    });
  });

  it("have the extremes of MinMaxScaler.partial_fit after each", () => {
    const extremes = table([
      { kind: "minMax", low: -1, high: 1 },
      { kind: "impute", with: 77 },
    ]);
    eachFit(extremes, values, fits, (statistics, fit) => {
      const [, min, max] = statistics.map(joined);
      fit.min.forEach((m, c) => expect(min![c]! / m).toBeCloseTo(1, 12));
      fit.max.forEach((m, c) => expect(max![c]! / m).toBeCloseTo(1, 12));
      expectRows(extremes.transform(statistics, rowsOf(values.slice(0, 8))), fit.minMax);
    });
  });

  function eachFit(
    preprocessor: Preprocessor,
    rows: Rows,
    cases: readonly PartialFit[],
    check: (statistics: FeatureStatistics, fit: PartialFit) => void,
  ): void {
    let statistics = preprocessor.initial();
    let at = 0;
    for (const fit of cases) {
      statistics = preprocessor.observe(statistics, rowsOf(rows.slice(at, (at += fit.size))));
      check(statistics, fit);
    }
  }
});

describe("missing numbers", () => {
  it("become the mean, as scikit-learn's SimpleImputer has it", () => {
    const imputer = table([{ kind: "impute", with: "mean" }]);
    const rows = rowsOf(golden.missing);
    const statistics = imputer.observe(imputer.initial(), rows);
    const result = imputer.transform(statistics, rows);
    expectRows(result, golden.imputed);
  });
});

describe("categories", () => {
  const { lists, rows, oneHot, hashed, murmur } = golden.categories;
  const columns: readonly RowColumn[] = ["colour", "size"].map((name) => ({
    name,
    kind: "text",
    bytesMax: 20,
  }));
  const encoded = (encoder: Encoder): Rows => {
    const branches: readonly Branch[] = [{ encoder }];
    const preprocessor = preprocessorOf(pipeline({ raw: { kind: "row", columns }, branches }));
    return rows.map((row) => [...preprocessor.transform([], [encodeRow(columns, row)])]);
  };

  it("have the places of OneHotEncoder, none where they are unknown", () => {
    expect(encoded({ kind: "oneHot", categories: lists })).toEqual(oneHot);
  });

  it.each(Object.keys(hashed))("have the places and signs of FeatureHasher: %s", (name) => {
    const [size, signed] = name.split(" ");
    const encoder: Encoder = { kind: "hashed", size: Number(size), signed: signed === "True" };
    expect(encoded(encoder)).toEqual(hashed[name]);
  });

  it("hash as scikit-learn's murmurhash3_32 does, whatever their length", () => {
    expect(murmur.map(([word]) => [word, murmurHashOf(word)])).toEqual(murmur);
  });
});

describe("byte pairs, against Hugging Face's tokenizers", () => {
  const { texts, ids, prefixed, file } = golden.bytePairs;

  it.each([
    ["as they are", ids, false],
    ["with a space before them", prefixed, true],
  ] as const)("give every text the same ids, %s", (_, expected, prefixSpace) => {
    const vocabulary = { ...bytePairOf(JSON.stringify(file)), prefixSpace };
    const tokenizer = bytePairTokenizer(vocabulary);
    expect(texts.map((text) => tokenizer(text, 1000))).toEqual(expected);
    expect(texts.map((text) => tokenizer(text, 3))).toEqual(expected.map((all) => all.slice(0, 3)));
  });

  it("read vocab.json and merges.txt as well as tokenizer.json", () => {
    const { vocab, merges } = file.model;
    const lines = ["#version: 0.2", ...merges.map((pair) => pair.join(" ")), ""].join("\n");
    expect(bytePairOf(JSON.stringify(vocab), lines)).toEqual(bytePairOf(JSON.stringify(file)));
  });
});
