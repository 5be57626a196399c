import { describe, expect, it } from "vitest";

import { type Mutation, MUTATIONS } from "./mutation.fixture.ts";
import { simulate, type SimulationResult } from "./simulation.fixture.ts";

const FIRST_SEED = Number(process.env["EVERFRESH_SIMULATION_SEED"] ?? 1);
const RUNS = Number(process.env["EVERFRESH_SIMULATION_RUNS"] ?? 200);

/** A planted fault must show within so many runs. */
const MUTANT_RUNS_MAX = 400;

const FAULTS = [
  ...["drop", "corrupt", "forge", "duplicate", "reorder", "partition", "break", "rot"],
  ...["trainer crash", "replica crash", "new log"],
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
    if (RUNS >= 100) expect([...faults].sort()).toEqual([...FAULTS].sort());
  });

  it("do everything again with the same seed, and something else with another one", async () => {
    const [first, again, other] = [await simulate(7), await simulate(7), await simulate(8)];
    expect(again).toEqual(first);
    expect(other.trace).not.toBe(first.trace);
    expect(first.versions).toBeGreaterThan(10);
    expect(first.events).toBeGreaterThan(100);
  });
});

describe("the simulation", () => {
  it.each(Object.entries(MUTATIONS))("notices when %s", async (_, mutation) => {
    const caught = await firstFailure(mutation, MUTANT_RUNS_MAX);
    expect(caught?.failure).toMatch(/I\d+/);
    expect(await simulate(caught?.seed ?? 0, mutation)).toEqual(caught);
  });

  it("blames nobody who only trusts, as long as nobody lies", async () => {
    const mutation = { isTrusting: true, isHonest: true };
    expect(await firstFailure(mutation, 30)).toBeNull();
  });
});

async function firstFailure(mutation: Mutation, runs: number): Promise<SimulationResult | null> {
  const { firstSeed = 1 } = mutation;
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    const result = await simulate(seed, mutation);
    if (result.failure !== null) return result;
  }
  return null;
}
