import { Random } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { excluding, type PositionRange } from "./excluding.ts";
import { madeFacts, samplerConformance } from "./sampler.conformance.ts";
import { samplerOf } from "./sampler-of.ts";
import {
  classBalancedSampling,
  growingMemorySampling,
  inverseCountSampling,
  newOnlyByChanceSampling,
  noSampling,
  reservoirSampling,
  rollingSampling,
  type SamplerSpec,
  timeBasedSampling,
  uniformSampling,
  windowSampling,
} from "./sampler-spec.ts";

const SPECS: { readonly [K in SamplerSpec["kind"]]: readonly SamplerSpec[] } = {
  uniform: [uniformSampling()],
  window: [windowSampling({ samples: 40 })],
  timeBased: [
    timeBasedSampling(),
    timeBasedSampling({ halfLifeSamples: 30 }),
    timeBasedSampling({ halfLifeMs: 20_000 }),
    growingMemorySampling({ samplesMin: 40 }),
  ],
  inverseCount: [inverseCountSampling(), inverseCountSampling({ usesBefore: 49 })],
  classBalanced: [classBalancedSampling()],
  rolling: [rollingSampling()],
  none: [noSampling()],
  newOnlyByChance: [newOnlyByChanceSampling(), newOnlyByChanceSampling(inverseCountSampling())],
  reservoir: [reservoirSampling({ capacity: 45 })],
};
const specs = Object.values(SPECS).flat();

const EXCLUDED: readonly PositionRange[] = [
  { from: 10, to: 31 },
  { from: 100, to: 107 },
];
const allowedBelow = (limit: number): number =>
  Array.from({ length: limit }, (_, at) => at).filter(
    (at) => !EXCLUDED.some(({ from, to }) => at >= from && at < to),
  ).length;
const sizeOf =
  (spec: SamplerSpec, thereAre: (limit: number) => number) =>
  (count: number, limit: number): number => {
    if (spec.kind === "none") return 0;
    const most = spec.kind === "reservoir" ? spec.capacity : Infinity;
    return Math.min(count, thereAre(limit), most);
  };

for (const spec of specs) {
  const name = JSON.stringify(spec);
  samplerConformance(name, (random) => samplerOf(spec, random), {
    sizeOf: sizeOf(spec, (limit) => limit),
  });
  samplerConformance(
    `${name} with excluded ranges`,
    (random) => excluding(samplerOf(spec, random), EXCLUDED),
    { sizeOf: sizeOf(spec, allowedBelow) },
  );
}

describe("samplerOf", () => {
  it.each(specs.map((spec) => [JSON.stringify(spec), spec] as const))(
    "takes %s as it was stored, with or without ranges to exclude",
    (json, spec) => {
      const stored = JSON.parse(json) as SamplerSpec;
      const [a, b] = [spec, stored].map((each) => {
        const sampler = samplerOf(each, new Random(3));
        sampler.observe?.(madeFacts(0, 200));
        return sampler.draw(20, 200);
      });
      expect(a).toEqual(b);
      const sampler = excluding(samplerOf(spec, new Random(3)), EXCLUDED);
      sampler.observe?.(madeFacts(0, 200));
      const reached = new Set(Array.from({ length: 60 }, () => sampler.draw(40, 200)).flat());
      for (const { from, to } of EXCLUDED) {
        for (let at = from; at < to; at++) expect(reached.has(at)).toBe(false);
      }
      expect(sampler.reach).toBe(spec.kind === "newOnlyByChance" ? "all" : undefined);
    },
  );

  it.each([
    [windowSampling({ samples: 0 }), "samples"],
    [windowSampling({ samples: 1.5 }), "samples"],
    [timeBasedSampling({ halfLifeSamples: 0 }), "samples"],
    [growingMemorySampling({ share: 0 }), "share"],
    [growingMemorySampling({ samplesMin: Infinity }), "samplesMin"],
    [timeBasedSampling({ halfLifeMs: Infinity }), "ms"],
    [inverseCountSampling({ usesBefore: -1 }), "usesBefore"],
    [reservoirSampling({ capacity: NaN }), "capacity"],
    [newOnlyByChanceSampling(noSampling()), "from"],
    [newOnlyByChanceSampling(newOnlyByChanceSampling()), "from"],
    [newOnlyByChanceSampling(windowSampling({ samples: -3 })), "samples"],
  ])("refuses %j and names %s", (spec, option) => {
    expect(() => samplerOf(spec, new Random(1))).toThrow(new RegExp(`^${option}`));
    expect(() => samplerOf(spec, new Random(1))).toThrow(
      expect.objectContaining({ code: "EF_LEARN_OPTION" }) as Error,
    );
  });

  it("refuses two half-lives at once", () => {
    expect(() => timeBasedSampling({ halfLifeSamples: 5, halfLifeMs: 5 })).toThrow(/halfLifeMs/);
  });
});
