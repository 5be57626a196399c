import { describe, expect, it } from "vitest";
import {
  formatAccuracy,
  formatAgo,
  formatBytes,
  formatBytesTick,
  formatCompact,
  formatCount,
  formatFigure,
  formatMilliseconds,
  formatQuantity,
  formatRatio,
  shortFingerprint,
} from "./format.ts";

/** Lets the tests below write an ordinary space where the page keeps number and unit together. */
function spaced(text: string): string {
  return text.replaceAll("\u202f", " ");
}

describe("formatBytes", () => {
  it.each([
    [0, "0 B"],
    [386, "386 B"],
    [999.4, "999 B"],
    [999.6, "1.0 kB"],
    [2_100, "2.1 kB"],
    [2_000, "2.0 kB"],
    [246_824, "247 kB"],
    [999_600, "1.0 MB"],
    [12_040_000, "12.0 MB"],
    [3_000_000_000, "3.0 GB"],
  ])("writes %d bytes as %s", (bytes, text) => {
    expect(spaced(formatBytes(bytes))).toBe(text);
  });

  it("writes a dash for what is not there", () => {
    expect(formatBytes(null)).toBe("–");
    expect(formatBytes(Number.NaN)).toBe("–");
  });

  it("leaves out needless digits on an axis", () => {
    expect([1, 1_000, 100_000, 1_000_000].map((size) => spaced(formatBytesTick(size)))).toEqual([
      "1 B",
      "1 kB",
      "100 kB",
      "1 MB",
    ]);
  });
});

describe("formatMilliseconds", () => {
  it.each([
    [0.4211, "0.42 ms"],
    [3, "3.0 ms"],
    [12.34, "12.3 ms"],
    [999, "999 ms"],
    [1_234, "1.23 s"],
  ])("writes %d ms as %s", (durationMs, text) => {
    expect(spaced(formatMilliseconds(durationMs))).toBe(text);
  });
});

describe("formatAgo", () => {
  it.each([
    [-5_000, "just now"],
    [1_999, "just now"],
    [12_500, "12 s ago"],
    [60_000, "1 min ago"],
    [3_599_999, "59 min ago"],
    [7_200_000, "2 h ago"],
    [200_000_000, "2 d ago"],
  ])("writes %d ms as %s", (agoMs, text) => {
    expect(spaced(formatAgo(agoMs))).toBe(text);
  });
});

describe("other figures", () => {
  it("have separators, one decimal of a percent and three digits", () => {
    expect(formatCount(61_706)).toBe("61,706");
    expect(formatCompact(12_340)).toBe("12.3K");
    expect(formatAccuracy(0.97349)).toBe("97.3%");
    expect(formatAccuracy(null)).toBe("–");
    expect(formatRatio(0.001)).toBe("0.1%");
    expect(formatFigure(0.05212)).toBe("0.0521");
    expect(formatFigure(0.12)).toBe("0.120");
  });

  it("agree in number with their noun", () => {
    expect(formatQuantity(1, "version")).toBe("1 version");
    expect(formatQuantity(1_200, "step")).toBe("1,200 steps");
    expect(formatQuantity(0, "step")).toBe("0 steps");
  });

  it("show the first eight digits of a fingerprint", () => {
    expect(shortFingerprint("5d1560dc09910d0537bbcdef8b4021c6")).toBe("5d1560dc");
  });
});
