import { describe, expect, it } from "vitest";
import { lateLabels } from "./late-labels.ts";
import { fullRetraining, online, proactive } from "./strategies.ts";

describe("strategies in a configuration", () => {
  it("have defaults", () => {
    expect(proactive()).toEqual({ kind: "proactive", triggerSize: 8, batchSize: 128 });
    expect(online()).toEqual({ kind: "online", batchSize: 128 });
    expect(fullRetraining({ every: { ms: 1_000 } })).toEqual({
      ...{ kind: "fullRetraining", start: "cold", epochs: 10, batchSize: 128 },
      trigger: { kind: "byTime", everyMs: 1_000, of: "clock" },
    });
  });

  it("are plain data, and refuse numbers that make no sense, by name", () => {
    const spec = proactive({ sampler: { kind: "window", samples: 9 }, overload: "skip" });
    expect(JSON.parse(JSON.stringify(spec))).toEqual(spec);
    const both = { every: { samples: 4 }, trigger: { kind: "byCount", samples: 4 } } as const;
    for (const [make, message] of [
      [() => proactive({ triggerSize: 129 }), /triggerSize .* got 129/],
      [() => proactive({ triggerSize: 0 }), /to pace the steps/],
      [() => online({ batchSize: 0 }), /batchSize .* got 0/],
      [() => fullRetraining({}), /every must be .* got nothing/],
      [() => fullRetraining(both), /every must be .* got both/],
      [() => fullRetraining({ every: { samples: 0 } }), /samples .* got 0/],
    ] as const) {
      expect(make).toThrow(expect.objectContaining({ code: "EF_LEARN_OPTION" }));
      expect(make).toThrow(message);
    }
  });

  it("take labels that come late, as long as their predictions have a place", () => {
    expect(lateLabels({ lagSamples: 0 })).toEqual({ kind: "late", lagSamples: 0 });
    expect(() => lateLabels({ lagSamples: -1 })).toThrow(/lagSamples .* got -1/);
    expect(() => lateLabels({ lagSamples: 5, expireAfterMs: 0 })).toThrow(/expireAfterMs .* got 0/);
    expect(() => lateLabels({ lagSamples: 5, pendingMax: 5 })).toThrow(/pendingMax must be above/);
  });
});
