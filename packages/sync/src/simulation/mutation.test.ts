import { describe, expect, it } from "vitest";

import { type Mutation, MUTATIONS } from "./mutation.fixture.ts";
import { simulate, type SimulationResult } from "./simulation.fixture.ts";

/** A planted fault must show within so many runs. */
const MUTANT_RUNS_MAX = 400;

describe("the simulation", () => {
  it.each(Object.entries(MUTATIONS))("notices when %s", async (_, mutation) => {
    const caught = await firstFailure(mutation, MUTANT_RUNS_MAX);
    expect(caught?.failure).toMatch(/I\d+/);
    expect(await simulate(caught?.seed ?? 0, mutation)).toEqual(caught);
    // What was found is the mutation's own doing.
    expect((await simulate(caught?.seed ?? 0)).failure).toBeNull();
  });

  it("blames nobody who only trusts, as long as nobody lies", async () => {
    const mutation = { isTrusting: true, isHonest: true };
    expect(await firstFailure(mutation, 12)).toBeNull();
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
