import {
  deployCopy,
  FingerprintMismatchError,
  Random,
  ShapeError,
  type Update,
  VersionGapError,
} from "@everfresh/core";
import { describe, expect, it } from "vitest";

import { Publisher, SMALL_LAYOUT } from "../publisher.fixture.ts";
import { mergeUpdates } from "./merge-updates.ts";
import { decodeUpdate, encodeUpdate } from "./update-codec.ts";
import { FUZZ_LAYOUT, fuzzState, randomUpdate, VALUE_TYPES } from "./update-fuzz.fixture.ts";

/** A chain of updates of every value type, with the state before and the one after. */
function chainOf(
  seed: number,
  count: number,
): {
  readonly updates: readonly Update[];
  readonly before: ReturnType<typeof fuzzState>;
  readonly after: ReturnType<typeof fuzzState>;
} {
  const random = new Random(seed);
  const before = fuzzState();
  const after = deployCopy(before.state, before.version);
  const updates: Update[] = [];
  while (updates.length < count) {
    const change = randomUpdate(random);
    // Xor words lead anywhere; the others stay small enough here.
    if (change.valueType === "float32Xor") new Uint32Array(change.values.buffer).fill(1);
    const update = after.updateFor(change, change.eventTimeMs);
    after.apply(update);
    updates.push(update);
  }
  return { updates, before, after };
}

describe("mergeUpdates", () => {
  it("leads from the first state to the last, bit for bit, whatever the updates were", () => {
    const types = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      const { updates, before, after } = chainOf(seed, 1 + (seed % 7));
      const merged = mergeUpdates(updates, after);
      for (const { valueType } of updates) types.add(valueType);
      const sent = decodeUpdate(encodeUpdate(merged, { layout: FUZZ_LAYOUT }), {
        layout: FUZZ_LAYOUT,
      });
      before.apply(sent);
      expect([before.version, before.fingerprint]).toEqual([after.version, after.fingerprint]);
      expect(new Uint8Array(before.state.buffer)).toEqual(new Uint8Array(after.state.buffer));
      const indices = new Set(updates.flatMap((update) => [...update.indices]));
      expect(merged.indices).toEqual(Uint32Array.from(indices).sort());
      const times = updates.flatMap(({ eventTimeMs }) => eventTimeMs ?? []);
      expect(merged.eventTimeMs).toBe(times.at(-1) ?? null);
    }
    expect(types.size).toBe(VALUE_TYPES.length);
  });

  it("has its own memory", () => {
    const publisher = new Publisher(new Random(1));
    const updates = Array.from({ length: 20 }, () => publisher.next().update);
    const merged = mergeUpdates(updates, publisher.deployed);
    const encoded = encodeUpdate(merged, { layout: SMALL_LAYOUT });
    publisher.next();
    expect(encodeUpdate(merged, { layout: SMALL_LAYOUT })).toEqual(encoded);
  });

  it("takes float16 states in half the bytes", () => {
    const { updates, after } = chainOf(5, 1);
    const indices = Uint32Array.from({ length: 700 }, (_, i) => i);
    const halves = after.updateFor({
      valueType: "float16",
      indices,
      values: Float32Array.from(indices, (i) => i / 8),
      buffers: [],
    });
    after.apply(halves);
    const merged = mergeUpdates([halves], after);
    expect(merged.valueType).toBe("float32");
    expect(encodeUpdate(merged, { layout: FUZZ_LAYOUT }).length).toBeLessThan(700 * 2 + 60);
    expect(updates).toHaveLength(1);
  });

  it("refuses nothing, gaps, forks, and a state that is another one", () => {
    const { updates, before, after } = chainOf(2, 4);
    const [a, b, c, d] = updates as [Update, Update, Update, Update];
    expect(() => mergeUpdates([], after)).toThrow(ShapeError);
    expect(() => mergeUpdates([a, c, d], after)).toThrow(VersionGapError);
    expect(() => mergeUpdates([a, b, c], after)).toThrow(VersionGapError);
    expect(() => mergeUpdates(updates, before)).toThrow(VersionGapError);
    const fork = { ...c, fingerprintBefore: "0".repeat(32) };
    expect(() => mergeUpdates([a, b, fork, d], after)).toThrow(FingerprintMismatchError);
    const foreign = deployCopy(before.state, after.version);
    expect(() => mergeUpdates(updates, foreign)).toThrow(FingerprintMismatchError);
  });
});
