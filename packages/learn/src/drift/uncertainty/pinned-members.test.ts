import { createState, type ModelState, stateLayout } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { type PastVersions, PinnedMembers } from "./pinned-members.ts";
import { disagreement } from "./uncertainty.ts";

const layout = stateLayout([{ name: "w", role: "parameter", dtype: "float32", shape: [2] }]);

function stateOf(first: number, second: number): ModelState {
  const state = createState(layout);
  state.parameters.set([first, second]);
  return state;
}

/** Logits are the weights, times the sample's only number. */
const session = {
  asked: 0,
  predict(state: ModelState, inputs: Float32Array, size: number): Promise<Float32Array> {
    session.asked += size;
    const [a = NaN, b = NaN] = state.parameters;
    return Promise.resolve(
      Float32Array.from(
        { length: 2 * size },
        (_, i) => (i % 2 === 0 ? a : b) * (inputs[i >> 1] ?? 0),
      ),
    );
  },
};

function log(states: Readonly<Record<number, ModelState>>): PastVersions {
  return {
    versions: () => Promise.resolve(Object.keys(states).map(Number).reverse()),
    stateAt: (version) => Promise.resolve(states[version] ?? stateOf(NaN, NaN)),
  };
}

describe("pinned members", () => {
  it("are the newest versions of the log, and stay what they were", async () => {
    const states = { 10: stateOf(9, 9), 200: stateOf(1, 0), 1_000: stateOf(0, 1) };
    const members = await PinnedMembers.newest(log(states), { members: 2, everySamples: 1 });
    expect(members.versions).toEqual([200, 1_000]);
    states[200].parameters.fill(5);
    const [first, second] = await members.predict(session, Float32Array.of(0, 20), 2, 0);
    expect(first?.map((p) => [...p])).toEqual([[0.5, 0.5], [0.5, 0.5]]); // prettier-ignore
    expect(disagreement(first ?? [])).toBe(0);
    expect(disagreement(second ?? [])).toBeCloseTo(1, 6);
  });

  it("are asked about the same samples however those come together", async () => {
    const states = { 1: stateOf(1, 0), 2: stateOf(0, 1), 3: stateOf(2, 1) };
    const members = await PinnedMembers.newest(log(states), { everySamples: 4 });
    const inputs = Float32Array.from({ length: 20 }, (_, i) => i / 7);
    session.asked = 0;
    const whole = await members.predict(session, inputs, 20, 30);
    expect(session.asked).toBe(3 * 5);
    expect([...whole.keys()].filter((i) => whole[i] !== null)).toEqual([2, 6, 10, 14, 18]);
    const pieces = [];
    for (let i = 0; i < 20; i += 3) {
      const size = Math.min(3, 20 - i);
      pieces.push(...(await members.predict(session, inputs.subarray(i, i + size), size, 30 + i)));
    }
    expect(pieces).toEqual(whole);
    const again = await PinnedMembers.of(members.versions, log(states), { everySamples: 4 });
    expect(await again.predict(session, inputs, 20, 30)).toEqual(whole);
  });

  it("are none where there are not two versions", async () => {
    const members = await PinnedMembers.newest(log({ 1: stateOf(1, 0) }));
    expect(members.versions).toEqual([]);
    expect(await members.predict(session, Float32Array.of(1, 1), 2, 0)).toEqual([null, null]);
  });

  it("refuse numbers that are out of their range", async () => {
    await expect(PinnedMembers.newest(log({}), { members: 1 })).rejects.toThrow("members must be");
    await expect(PinnedMembers.newest(log({}), { everySamples: 0 })).rejects.toThrow(
      "everySamples must be a whole number from 1",
    );
  });
});
