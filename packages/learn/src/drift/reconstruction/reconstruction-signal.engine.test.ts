import { Random } from "@everfresh/core";
import { openTrainingSession } from "@everfresh/engine";
import { describe, expect, it } from "vitest";
import { ReconstructionSignal } from "./reconstruction-signal.ts";

const FEATURES = 8;

/** Rows of eight features that two numbers make, with some noise; later ones of other two. */
function rowsOf(count: number, seed: number, isOther: boolean): Float64Array {
  const random = new Random(seed);
  const rows = new Float64Array(count * FEATURES);
  for (let i = 0; i < count; i++) {
    const [a, b] = [random.normal(), random.normal()];
    for (let f = 0; f < FEATURES; f++) {
      const mixed = isOther ? a * Math.cos(3 * f) - b * Math.sin(f) : a * Math.sin(f) + b;
      rows[i * FEATURES + f] = 10 * f + mixed + 0.1 * random.normal();
    }
  }
  return rows;
}

function mean(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

describe("an auto-encoder of the engine", () => {
  it("makes badly what is unlike its reference, and goes on from its bytes alike", async () => {
    const spec = { referenceSamples: 200, delaySamples: 0, steps: 150, code: 2, hidden: [8] };
    const options = { features: FEATURES, spec, open: openTrainingSession };
    await using signal = new ReconstructionSignal(options);
    await signal.errors(rowsOf(200, 1, false), 200);
    const usual = await signal.errors(rowsOf(300, 2, false), 300);
    // Each feature has the mean and the deviation that it had, or nearly so.
    const unlike = await signal.errors(rowsOf(300, 3, true), 300);
    expect(mean(usual)).toBeLessThan(0.5);
    expect(mean(unlike)).toBeGreaterThan(2 * mean(usual));
    await using resumed = new ReconstructionSignal({ ...options, checkpoint: signal.checkpoint() });
    const rows = rowsOf(20, 4, true);
    expect(await resumed.errors(rows, 20)).toEqual(await signal.errors(rows, 20));
  });
});
