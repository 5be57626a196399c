import { Random } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { ErrorMemory, lastOutcomeOf, outcomeOf } from "./outcome-test.ts";

/** Errors at a rate that changes at 1,000; each is the one before with the probability `rho`. */
function outcome(seed: number, rates: readonly [number, number], rho = 0): [string, number] {
  const random = new Random(seed, 3);
  const errors = new ErrorMemory();
  let last = 0;
  for (let now = 0; now <= 3_000; now++) {
    const rate = now < 1_000 ? rates[0] : rates[1];
    if (random.float() >= rho) last = random.float() < rate ? 1 : 0;
    errors.add(now, last);
    if (now < 1_000 || now % 10 !== 0) continue;
    const said = outcomeOf(errors, { since: 1_000, now, withinSamples: 1_000 });
    if (said !== "open") return [said, now - 1_000];
  }
  return ["open", 0];
}

const SEEDS = 100;

function share(rates: readonly [number, number], rho: number, said: string): number {
  let count = 0;
  for (let seed = 0; seed < SEEDS; seed++) if (outcome(seed, rates, rho)[0] === said) count++;
  return count / SEEDS;
}

describe("what labels say of a change that was seen without them", () => {
  it.each([0, 0.5])("withdraws it where errors stay as they are: correlation %j", (rho) => {
    // One in 40 is confirmed by chance at most; 9 of 100 are three deviations more.
    expect(share([0.2, 0.2], rho, "withdrawn")).toBeGreaterThanOrEqual(0.91);
  });

  it("confirms it where errors become more", () => {
    expect(share([0.2, 0.35], 0, "confirmed")).toBeGreaterThanOrEqual(0.98);
    expect(share([0.2, 0.4], 0.5, "confirmed")).toBeGreaterThanOrEqual(0.9);
    expect(share([0, 0.1], 0, "confirmed")).toBe(1);
  });

  it("withdraws it where errors become fewer: nothing is worse", () => {
    expect(share([0.4, 0.2], 0, "withdrawn")).toBe(1);
  });

  it("withdraws it only when the labels of so many samples are there", () => {
    const [said, after] = outcome(1, [0.2, 0.2]);
    expect([said, after]).toEqual(["withdrawn", 1_000]);
  });

  it("says nothing with too few labels on either side", () => {
    const errors = new ErrorMemory();
    for (let sequence = 0; sequence < 29; sequence++) errors.add(sequence, 0);
    for (let sequence = 100; sequence < 400; sequence++) errors.add(sequence, 1);
    expect(outcomeOf(errors, { since: 100, now: 9_999, withinSamples: 100 })).toBe("open");
    errors.reset();
    for (let sequence = 0; sequence < 300; sequence++) errors.add(sequence, 0);
    for (let sequence = 300; sequence < 329; sequence++) errors.add(sequence, 1);
    expect(outcomeOf(errors, { since: 300, now: 9_999, withinSamples: 100 })).toBe("open");
  });

  it("remembers the newest 2,000 errors, also from its numbers", () => {
    const errors = new ErrorMemory();
    for (let i = 0; i < 5_000; i++) errors.add(i, i < 4_000 ? 0 : i % 2);
    const resumed = new ErrorMemory();
    resumed.remember(errors.numbers());
    expect(resumed.numbers()).toHaveLength(4_000);
    expect(resumed.evidenceAt(4_000)).toEqual(errors.evidenceAt(4_000));
    expect(resumed.evidenceAt(3_000)).toBeNull();
  });
});

describe("what the labels that are there say where no more will come", () => {
  /** So many labels before the change and after it, with every fifth, and then every n-th, an error. */
  function lastOf(before: number, after: number, every: number): string {
    const errors = new ErrorMemory();
    for (let i = 0; i < before; i++) errors.add(i, i % 5 === 0 ? 1 : 0);
    for (let i = 0; i < after; i++) errors.add(before + i, i % every === 0 ? 1 : 0);
    return lastOutcomeOf(errors, before);
  }

  it.each([
    ["as many errors as before", 500, 200, 5, "withdrawn"],
    ["many more", 500, 200, 2, "confirmed"],
    ["somewhat more, which may be chance", 500, 60, 3, "unsettled"],
    ["many fewer, which is a change, too", 500, 200, 200, "unsettled"],
    ["too few labels since then", 500, 29, 2, "unsettled"],
    ["too few labels before", 29, 500, 2, "unsettled"],
    ["no label", 0, 0, 1, "unsettled"],
  ] as const)("%s", (_what, before, after, every, outcome) => {
    expect(lastOf(before, after, every)).toBe(outcome);
  });
});
