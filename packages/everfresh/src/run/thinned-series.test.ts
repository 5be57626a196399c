import { expect, it } from "vitest";
import { ThinnedSeries } from "./thinned-series.ts";

it("keeps first and latest point and never more than its limit", () => {
  const series = new ThinnedSeries<number>(10);
  for (let i = 0; i < 1003; i++) {
    series.add(i);
    expect(series.points().length).toBeLessThanOrEqual(10);
    expect(series.points().at(-1)).toBe(i);
  }
  expect(series.points()[0]).toBe(0);
});

it("spreads the kept points evenly", () => {
  const series = new ThinnedSeries<number>(8);
  for (let i = 0; i < 64; i++) series.add(i);
  const kept = series.points().slice(0, -1);
  const gaps = kept.slice(1).map((point, i) => point - (kept[i] ?? 0));
  expect(new Set(gaps).size).toBe(1);
});
