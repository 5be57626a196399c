import { describe, expect, it } from "vitest";
import { CostAccount, totalSeconds } from "./cost-account.ts";

describe("CostAccount", () => {
  it("adds up what it is told, and keeps the longest iteration", () => {
    const account = new CostAccount();
    account.add({
      trainSeconds: 2,
      steps: 3,
      samples: 30,
      iterations: 1,
      iterationSecondsMax: 2.5,
    });
    account.add({
      trainSeconds: 1,
      preprocessSeconds: 0.5,
      iterations: 1,
      iterationSecondsMax: 1.5,
    });
    account.add({ evaluateSeconds: 0.25, selectSeconds: 4, encodeSeconds: 8 });
    expect(account.costs).toEqual({
      preprocessSeconds: 0.5,
      trainSeconds: 3,
      evaluateSeconds: 0.25,
      selectSeconds: 4,
      encodeSeconds: 8,
      steps: 3,
      samples: 30,
      iterations: 2,
      iterationSecondsMax: 2.5,
    });
    expect(totalSeconds(account.costs)).toBe(15.75);
  });

  it("goes on from what was stored, and takes in another account's costs", () => {
    const [one, other] = [new CostAccount(), new CostAccount()];
    one.add({ trainSeconds: 1, steps: 1 });
    other.add({ trainSeconds: 2, steps: 5 });
    const stored = JSON.parse(JSON.stringify(one.costs)) as typeof one.costs;
    const merged = new CostAccount(stored);
    merged.add(other.costs);
    expect(merged.costs).toMatchObject({ trainSeconds: 3, steps: 6 });
    expect(one.costs).toMatchObject({ trainSeconds: 1, steps: 1 });
  });
});
