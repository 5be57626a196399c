import { describe, expect, it } from "vitest";
import { madeSample } from "./history.conformance.ts";
import { hotBytesOf, HotSamples } from "./hot-samples.ts";

describe("hot samples", () => {
  it("are the newest ones that the budget holds", () => {
    const hot = new HotSamples(10 * hotBytesOf(madeSample(0)), 5);
    for (let position = 5; position < 5000; position++) {
      hot.push(madeSample(position));
      expect(hot.start).toBe(Math.max(5, position - 9));
      expect(hot.at(hot.start)).toEqual(madeSample(hot.start));
      expect(hot.at(position)).toEqual(madeSample(position));
    }
  });

  it("crash on a position that is not there", () => {
    const hot = new HotSamples(1000, 0);
    expect(() => hot.at(0)).toThrow(/not hot/);
  });

  it("are none with a budget of nothing", () => {
    const hot = new HotSamples(0, 0);
    hot.push(madeSample(0));
    expect(hot.start).toBe(1);
  });
});
