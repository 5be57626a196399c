import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { detectorOf } from "./detector-of.ts";
import type { DetectorSpec } from "./detector-spec.ts";

interface Case {
  readonly peer: string;
  readonly spec: DetectorSpec;
  readonly stream: string;
  /** How much of the stream; all of it by default. */
  readonly length?: number;
  readonly alarms: readonly number[];
  /** How many, and the sum of their indices. */
  readonly warnings: readonly [count: number, sum: number];
}

/** Made by bench/peers/golden_drift.py with River 0.26.1 and Frouros 0.9.0. */
const golden = JSON.parse(
  readFileSync(new URL("./detectors.golden.json", import.meta.url), "utf8"),
) as {
  readonly streams: Readonly<
    Record<string, readonly number[] | { readonly count: number; readonly bits: string }>
  >;
  readonly cases: readonly Case[];
};

function valuesOf(name: string): readonly number[] {
  const stream = golden.streams[name]!;
  if (!("bits" in stream)) return stream;
  const packed = Buffer.from(stream.bits, "base64");
  return Array.from({ length: stream.count }, (_, i) => (packed[i >> 3]! >> (i & 7)) & 1);
}

describe("detectors beside River's and Frouros'", () => {
  it.each(golden.cases)("$spec alarms and warns on $stream where $peer does", (given) => {
    const { spec, stream, length, alarms, warnings } = given;
    const detector = detectorOf(spec);
    const verdicts = valuesOf(stream)
      .slice(0, length)
      .map((value) => detector.update(value));
    const at = (wanted: string): readonly number[] =>
      verdicts.flatMap((verdict, i) => (verdict === wanted ? [i] : []));
    expect(at("drift")).toEqual(alarms);
    const warned = at("warning");
    expect([warned.length, warned.reduce((sum, i) => sum + i, 0)]).toEqual(warnings);
  });

  it("says so of streams on which every kind alarms somewhere", () => {
    const kinds = new Set(
      golden.cases.filter(({ alarms }) => alarms.length > 0).map(({ spec }) => spec.kind),
    );
    expect(kinds.size).toBe(9);
  });
});
