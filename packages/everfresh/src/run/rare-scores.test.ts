import { LiveEvaluation, type LiveScores } from "@everfresh/learn";
import { describe, expect, it } from "vitest";
import { RareScores } from "./rare-scores.ts";

function counted() {
  const live = new LiveEvaluation({ classes: 3, frozen: null });
  const asked = { times: 0, nowMs: 0 };
  const scores = (): LiveScores => {
    asked.times++;
    return live.scores();
  };
  return { live, asked, rare: new RareScores({ scores, monotonicMs: () => asked.nowMs }) };
}

const outputs = Float32Array.of(3, 1, 0, 0, 5, 0);

describe("scores for people", () => {
  it("are computed when somebody asks, and then not again for a while", () => {
    const { live, asked, rare } = counted();
    expect(rare.at(0)).toBeNull();
    live.record({ label: 0, outputs });
    const first = rare.at(1);
    expect(first).toMatchObject({
      trained: { samples: 1, cumulative: { accuracy: 1, noChangeAccuracy: 0 } },
      deployed: { window: { accuracy: 0 } },
      frozen: null,
    });
    live.record({ label: 0, outputs });
    asked.nowMs = 4_999;
    expect(rare.at(2)).toBe(first);
    asked.nowMs = 5_000;
    expect(rare.at(2)?.trained.samples).toBe(2);
    expect(asked.times).toBe(2);
    rare.renew();
    rare.at(2);
    expect(asked.times).toBe(3);
  });

  it("can be sent as JSON, without what there is one of for each class", () => {
    const { live, rare } = counted();
    live.record({ label: 1, outputs });
    const scores = rare.at(1);
    expect(JSON.parse(JSON.stringify(scores))).toEqual(scores);
    expect(scores?.trained.cumulative).not.toHaveProperty("f1");
  });
});
