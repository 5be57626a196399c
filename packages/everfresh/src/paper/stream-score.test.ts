import { describe, expect, it } from "vitest";
import { StreamScore } from "./stream-score.ts";

describe("the score of a stream", () => {
  it("is the share of all samples so far, however they are cut into chunks", () => {
    const outcomes = Array.from({ length: 5_000 }, (_, i) => i % 3 !== 0);
    const scores = [1, 8, 500, 777].map((size) => {
      const score = new StreamScore(5_000);
      for (let at = 0; at < outcomes.length; at += size)
        score.record(outcomes.slice(at, at + size));
      return score;
    });
    for (const score of scores) {
      expect(score.accuracy).toBe(3_333 / 5_000);
      expect(score.curve.at(-1)).toEqual({ samples: 5_000, accuracy: 3_333 / 5_000 });
      expect(score.windows).toEqual(scores[0]?.windows);
    }
    expect(scores[0]?.curve).toHaveLength(100);
    expect(scores[0]?.windows).toEqual([0.666, 0.667, 0.667, 0.666, 0.667]);
  });

  it("has no accuracy before the first sample, and no window before it is full", () => {
    const score = new StreamScore(100);
    expect(score.accuracy).toBeNull();
    score.record([true, false]);
    expect(score.accuracy).toBe(0.5);
    expect(score.windows).toEqual([]);
  });
});
