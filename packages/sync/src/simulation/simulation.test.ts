import { describe, expect, it } from "vitest";

import { reachable } from "../reachable.fixture.ts";
import { stepReplica, type StepReplica } from "../replica/replica-state.ts";
import { simulate } from "./simulation.fixture.ts";

const FIRST_SEED = Number(process.env["EVERFRESH_SIMULATION_SEED"] ?? 1);
const RUNS = Number(process.env["EVERFRESH_SIMULATION_RUNS"] ?? 60);

const FAULTS = [
  ...["drop", "corrupt", "forge", "attack", "duplicate", "reorder", "partition", "break", "rot"],
  ...["trainer crash", "replica crash", "new log", "new key"],
];

describe("a trainer, its log, lines that fail, and replicas that crash", () => {
  it(`keep every invariant and end at one state (${RUNS} runs from seed ${FIRST_SEED})`, async () => {
    const failures: string[] = [];
    const faults = new Set<string>();
    for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
      const result = await simulate(seed);
      for (const fault of Object.keys(result.faults)) faults.add(fault);
      if (result.failure !== null) failures.push(`seed ${seed}: ${result.failure}`);
    }
    expect(failures).toEqual([]);
    // A replica that has no state yet is seldom attacked.
    faults.delete("mistrust");
    if (RUNS >= 50) expect([...faults].sort()).toEqual([...FAULTS].sort());
  });

  it("do everything again with the same seed, and something else with another one", async () => {
    const [first, again, other] = [await simulate(7), await simulate(7), await simulate(8)];
    expect(again).toEqual(first);
    expect(other.trace).not.toBe(first.trace);
    expect(first.versions).toBeGreaterThan(10);
    expect(first.events).toBeGreaterThan(100);
  });

  it("leave nothing in memory", async () => {
    const steps = await Promise.all([1, 2, 3, 4].map((seed) => watched(seed)));
    expect(await reachable(steps)).toBe(0);
  });
});

/** Runs one simulation; returns a part of all of its replicas. */
async function watched(seed: number): Promise<WeakRef<StepReplica>> {
  const step: StepReplica = (...of) => stepReplica(...of);
  const { failure } = await simulate(seed, { parts: { step } });
  expect(failure).toBeNull();
  return new WeakRef(step);
}
