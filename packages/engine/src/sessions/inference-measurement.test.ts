import { describe, expect, it } from "vitest";
import { defaultBakeEveryMs } from "./inference-freshness.ts";
import { fasterMode } from "./inference-measurement.ts";

/** Runs that take these times in turn, the last one for ever. */
function timed(...timesMs: number[]): { run: () => Promise<number>; runs: () => number } {
  let runs = 0;
  const run = () => Promise.resolve(timesMs[Math.min(runs++, timesMs.length - 1)] ?? NaN);
  return { run, runs: () => runs };
}

describe("fasterMode", () => {
  it("takes constants only where they are worth it", async () => {
    expect(await fasterMode(timed(1.04).run, timed(1).run)).toBe("patch");
    expect(await fasterMode(timed(1.06).run, timed(1).run)).toBe("bake");
    expect(await fasterMode(timed(0.5).run, timed(1).run)).toBe("patch");
  });

  it("counts neither the first run nor a single slow one", async () => {
    expect(await fasterMode(timed(90, 1, 40, 1).run, timed(1).run)).toBe("patch");
    expect(await fasterMode(timed(2).run, timed(90, 1, 40, 1).run)).toBe("bake");
  });

  it("measures small models often and large ones a few times", async () => {
    const small = timed(0.01);
    await fasterMode(small.run, timed(0.01).run);
    expect(small.runs()).toBe(102);
    const large = timed(500);
    await fasterMode(large.run, timed(100).run);
    expect(large.runs()).toBe(6);
  });
});

describe("defaultBakeEveryMs", () => {
  it("bakes a twentieth of the time, not too often, and within a second", () => {
    expect(defaultBakeEveryMs(0.5)).toBe(50);
    expect(defaultBakeEveryMs(10)).toBe(200);
    expect(defaultBakeEveryMs(70)).toBe(860);
    for (const bakeMs of [1, 10, 50, 100, 300, 400]) {
      expect(defaultBakeEveryMs(bakeMs) + bakeMs).toBeLessThanOrEqual(1_000);
    }
  });

  it("leaves a quarter of a core alone, however slow bakes are", () => {
    expect(defaultBakeEveryMs(600)).toBe(800);
    expect(defaultBakeEveryMs(3_000)).toBe(4_000);
  });
});
