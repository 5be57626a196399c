import { deployCopy, Random, stateLayout, createState, type Update } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { Quota } from "./quota.ts";
import { sparsifierOf } from "./sparsifier-of.ts";
import type { AmountSpec } from "./sparsifier-spec.ts";

const PARAMETERS = 20_000;
const DEMAND = { parameters: PARAMETERS, bufferBytes: 0, valueType: "float16" } as const;

function update(entries: number): Update {
  const state = createState(
    stateLayout([{ name: "w", role: "parameter", dtype: "float32", shape: [entries] }]),
  );
  return deployCopy(state, 0).updateFor({
    valueType: "float32",
    indices: Uint32Array.from({ length: entries }, (_, i) => i),
    values: new Float32Array(entries),
    buffers: [],
  });
}

/** Trains a state of random steps; what bytes cost may change from step to step. */
function simulate(
  amount: AmountSpec,
  bytesOf: (entries: number, step: number) => number,
  options: { readonly steps: number; readonly stepMs: number },
): readonly number[] {
  const layout = stateLayout([
    { name: "w", role: "parameter", dtype: "float32", shape: [PARAMETERS] },
  ]);
  const trained = createState(layout);
  const deployed = deployCopy(trained, 0);
  const random = new Random(1);
  const sparsifier = sparsifierOf({
    ...{ kind: "topK", scope: "global" },
    ...{ amount, valueType: "float16" },
  });
  const sent: number[] = [];
  for (let step = 0; step < options.steps; step++) {
    for (let i = 0; i < PARAMETERS; i += 7) trained.parameters[i]! += random.float();
    const change = sparsifier.select(trained, deployed.state);
    const atMs = 1e12 + options.stepMs * step;
    if (change.indices.length === 0) {
      sparsifier.published?.(null, atMs);
      sent.push(0);
      continue;
    }
    const next = deployed.updateFor(change);
    deployed.apply(next);
    const bytes = Math.round(bytesOf(change.indices.length, step));
    sparsifier.published?.({ update: next, bytes, replayed: false }, atMs);
    sent.push(bytes);
  }
  return sent;
}

describe("a quota", () => {
  it("of a ratio is that share, at least one", () => {
    const of = (ratio: number) => new Quota({ kind: "ratio", ratio }).allowance(DEMAND)?.entries;
    expect([of(0.01), of(1e-9), of(1)]).toEqual([200, 1, 20_000]);
    expect([of(0.010_001), of(0.07), of(0.000_07)]).toEqual([201, 1_400, 2]);
  });

  it("of bytes per update starts at what random positions take", () => {
    const quota = new Quota({ kind: "bytesPerUpdate", bytes: 1_056 });
    // 1,000 bytes beside the header at 16 + log2(e · 20,000 / k) bits.
    const k = quota.allowance(DEMAND)?.entries ?? 0;
    expect(k * (16 + Math.log2((Math.E * PARAMETERS) / k))).toBeLessThanOrEqual(8_000);
    expect((k + 1) * (16 + Math.log2((Math.E * PARAMETERS) / (k + 1)))).toBeGreaterThan(8_000);
  });

  it("of bytes per update learns what an entry takes and stays below, also when that changes", () => {
    const cost = (step: number): number => (step < 30 ? 2.2 : 4.5);
    const sent = simulate(
      { kind: "bytesPerUpdate", bytes: 1_500 },
      (entries, step) => 70 + cost(step) * entries,
      { steps: 80, stepMs: 100 },
    );
    sent.forEach((bytes, step) => {
      if (step > 0 && step !== 30) expect(bytes).toBeLessThanOrEqual(1.01 * 1_500);
      if (step > 12 && step < 30) expect(bytes).toBeGreaterThan(1_450);
      if (step > 45) expect(bytes).toBeGreaterThan(1_450);
    });
  });

  it("takes the buffers of an update off first, and never goes below one entry", () => {
    const quota = new Quota({ kind: "bytesPerUpdate", bytes: 1_000 });
    quota.published({ update: update(100), bytes: 356, replayed: false }, 0); // 3 bytes each
    expect(quota.allowance(DEMAND)?.entries).toBe(314);
    expect(quota.allowance({ ...DEMAND, bufferBytes: 500 })?.entries).toBe(148);
    expect(quota.allowance({ ...DEMAND, bufferBytes: 5_000 })?.entries).toBe(1);
  });

  it.each([
    [20_000, 100],
    [3_000, 100],
    [500, 100],
    [40, 1_000],
    [400, 30_000],
  ])("keeps to %i bytes per second with a step every %i ms", (bytes, stepMs) => {
    const sent = simulate({ kind: "bytesPerSecond", bytes }, (entries) => 70 + 3 * entries, {
      steps: 200,
      stepMs,
    });
    const total = sent.reduce((sum, each) => sum + each, 0);
    // A step of more than ten seconds saves up only ten.
    const allowed = (bytes * 200 * Math.min(stepMs, 10_000)) / 1_000;
    expect(total).toBeLessThan(allowed * 1.02 + 600);
    expect(total).toBeGreaterThan(allowed * 0.9 - 600);
  });

  it("saves up while there is too little for an update that is worth its header", () => {
    const sent = simulate({ kind: "bytesPerSecond", bytes: 500 }, (entries) => 70 + 3 * entries, {
      steps: 100,
      stepMs: 100,
    });
    const updates = sent.filter((bytes) => bytes > 0);
    expect(updates.length).toBeLessThan(25);
    expect(Math.min(...updates)).toBeGreaterThan(200);
  });

  it("does not take a clock that was set back for time that passed", () => {
    const quota = new Quota({ kind: "bytesPerSecond", bytes: 1_000 });
    quota.published(null, 5_000);
    quota.published(null, 6_000);
    const before = quota.position().savedBytes;
    quota.published(null, 1_000);
    expect([before, quota.position().savedBytes]).toEqual([1_000, 1_000]);
  });
});
