import { ManualClock } from "@everfresh/core";
import { type LabelJoin, memoryLabelJoin } from "@everfresh/streams";
import { describe, expect, it } from "vitest";
import { likelyPosition } from "./likely-position.ts";

/** A join of so many samples, of which those get a label 10 samples later that have one. */
async function joinOf(
  count: number,
  hasLabel: (number: number) => boolean,
  pendingMax = 1_000,
): Promise<LabelJoin> {
  const join = memoryLabelJoin({ clock: new ManualClock(), pendingMax });
  const rest = { version: 0, eventTimeMs: 0, noChange: null, majority: null };
  for (let number = 0; number < count; number++) {
    const features = new Uint8Array(1);
    await join.predicted([{ id: `${number}`, features, outputs: new Float32Array(1), ...rest }]);
    if (number >= 10 && hasLabel(number - 10)) {
      await join.labelled([{ id: `${number - 10}`, label: 0 }]);
    }
  }
  return join;
}

describe("where the samples from a number on begin in the history", () => {
  it("is that number where every label comes in its time", async () => {
    const join = await joinOf(200, () => true);
    expect([0, 50, 195].map((sequence) => likelyPosition(join, sequence))).toEqual([0, 50, 195]);
  });

  it("leaves out samples whose labels do not come, whether or not they were given up", async () => {
    for (const pendingMax of [1_000, 40]) {
      const join = await joinOf(400, (number) => number % 2 === 0, pendingMax);
      const position = likelyPosition(join, 380);
      // Of the 380 before it 190 have labels.
      expect(Math.abs(position - 190)).toBeLessThanOrEqual(1);
      expect(likelyPosition(join, 398)).toBeGreaterThan(join.joinedCount());
    }
  });
});
