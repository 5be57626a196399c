import { Random } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { BootstrappedDetector } from "./bootstrapped-detector.ts";
import type { DetectorSpec } from "./detector-spec.ts";

const DDM: DetectorSpec = { kind: "ddm" };

/** Errors at a rate; each is the one before with the probability `rho`. */
function errorsOf(count: number, rate: number, rho = 0, seed = 1): readonly number[] {
  const random = new Random(seed, 6);
  let last = 0;
  return Array.from({ length: count }, () => {
    if (random.float() >= rho) last = random.float() < rate ? 1 : 0;
    return last;
  });
}

function fed(spec: DetectorSpec, values: readonly number[]): BootstrappedDetector {
  const detector = new BootstrappedDetector(spec, 5);
  for (const value of values) detector.update([value]);
  return detector;
}

/** The evidence of its first alarm when all values become 1. */
function alarmEvidence(detector: BootstrappedDetector): number {
  for (let i = 0; i < 500; i++) {
    const { alarms } = detector.reading();
    detector.update([1]);
    if (detector.reading().alarms > alarms) return detector.evidence() ?? 0;
  }
  return 0;
}

describe("a detector that is calibrated on resamples of its past", () => {
  it("says nothing before they are made", () => {
    expect(fed(DDM, errorsOf(519, 0.2)).evidence()).toBeNull();
    expect(fed(DDM, errorsOf(520, 0.2)).evidence()).toBeGreaterThanOrEqual(1);
  });

  it("counts for less where its alarms come by themselves", () => {
    const iid = alarmEvidence(fed(DDM, errorsOf(600, 0.2)));
    const correlated = alarmEvidence(fed(DDM, errorsOf(600, 0.2, 0.6)));
    expect(iid).toBeGreaterThan(3 * correlated);
    expect(correlated).toBeGreaterThan(1);
    // DDM has about one false alarm in 12,000 independent errors; twenty resamples know it roughly.
    expect(iid).toBeGreaterThan(2_000);
    expect(iid).toBeLessThanOrEqual(40_000);
  });

  it("holds an alarm for as long as others may need to agree", () => {
    const detector = fed(DDM, errorsOf(600, 0.2));
    const evidence = alarmEvidence(detector);
    expect(detector.changeAgo()).toBe(0);
    const calm = errorsOf(1_001, 0.9, 0, 3);
    for (const value of calm.slice(0, 1_000)) detector.update([value]);
    expect(detector.evidence()).toBe(evidence);
    expect(detector.changeAgo()).toBe(1_000);
    detector.update([calm[1_000]!]);
    expect(detector.evidence()).toBeLessThan(evidence);
  });

  it("goes on from its checkpoint in the middle of its resamples", () => {
    const values = errorsOf(900, 0.3, 0.3);
    for (const at of [100, 500, 507, 600]) {
      const whole = fed(DDM, values.slice(0, at));
      const resumed = new BootstrappedDetector(DDM, 5);
      resumed.restore(JSON.parse(JSON.stringify(whole.checkpoint())) as never);
      for (const value of values.slice(at)) {
        whole.update([value]);
        resumed.update([value]);
        expect(resumed.evidence()).toBe(whole.evidence());
      }
      expect(resumed.checkpoint()).toEqual(whole.checkpoint());
    }
  });

  it("refuses a checkpoint of another kind, or a damaged one", () => {
    const detector = fed(DDM, errorsOf(100, 0.2));
    const { kind, numbers } = detector.checkpoint();
    const of = (code: string): Error => expect.objectContaining({ code }) as Error;
    expect(() => detector.restore({ kind: "ddm", numbers })).toThrow(of("EF_RESUME_MISMATCH"));
    for (const damaged of [[], numbers.slice(0, 50), [...numbers, 1], [NaN, ...numbers.slice(1)]]) {
      expect(() => detector.restore({ kind, numbers: damaged })).toThrow(of("EF_DRIFT_CHECKPOINT"));
    }
  });
});
