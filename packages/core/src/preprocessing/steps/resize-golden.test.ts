import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { pipeline, type ResizeStep } from "../pipeline.ts";
import { preprocessorOf } from "../preprocessor-of.ts";

type Method = NonNullable<ResizeStep["method"]>;

type Case = Readonly<Record<Method | "pixels", readonly number[]>> & {
  readonly from: readonly [number, number, number];
  readonly to: readonly [number, number];
};

/** Made by bench/peers/golden_resize.py with PyTorch 2.15.0. */
const { cases } = JSON.parse(
  readFileSync(new URL("../resize.golden.json", import.meta.url), "utf8"),
) as { readonly cases: readonly Case[] };

describe.each<Method>(["bilinear", "area", "nearest"])("resize by %s", (method) => {
  it.each(cases)("gives the pixels of PyTorch's interpolate from $from to $to", (golden) => {
    const [channels, height, width] = golden.from;
    const [toHeight, toWidth] = golden.to;
    const preprocessor = preprocessorOf(
      pipeline({
        raw: { kind: "image", width, height, channels },
        branches: [{ steps: [{ kind: "resize", width: toWidth, height: toHeight, method }] }],
      }),
    );
    expect(preprocessor.inputShape).toEqual([channels, toHeight, toWidth]);
    const result = preprocessor.transform([], [Uint8Array.from(golden.pixels)]);
    expect(result).toHaveLength(golden[method].length);
    golden[method].forEach((value, i) => expect(result[i]).toBeCloseTo(value, 4));
  });
});
