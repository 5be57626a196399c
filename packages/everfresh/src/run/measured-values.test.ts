import { expect, it } from "vitest";
import { MeasuredValues } from "./measured-values.ts";

it("gives nearest-rank percentiles, mean, maximum and total", () => {
  const values = new MeasuredValues();
  for (const value of [5, 1, 4, 2, 3]) values.add(value);
  expect(values.percentile(0.5)).toBe(3);
  expect(values.percentile(0.99)).toBe(5);
  expect(values.percentile(0)).toBe(1);
  expect([values.mean, values.max, values.total, values.count]).toEqual([3, 5, 15, 5]);
});

it("keeps percentiles of the latest values and totals of all", () => {
  const values = new MeasuredValues();
  for (let i = 0; i < 10_000; i++) values.add(1000);
  for (let i = 0; i < 10_000; i++) values.add(1);
  expect(values.percentile(0.99)).toBe(1);
  expect(values.max).toBe(1000);
  expect(values.total).toBe(10_010_000);
});

it("is all zeros when nothing was measured", () => {
  const values = new MeasuredValues();
  expect([values.percentile(0.5), values.mean, values.max]).toEqual([0, 0, 0]);
});
