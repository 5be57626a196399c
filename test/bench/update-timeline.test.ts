import { describe, expect, it } from "vitest";
import {
  distributionsOf,
  PARTS,
  type ReplicaStamps,
  type TrainerStamps,
  waysOf,
} from "../../bench/latency/update-timeline.ts";

const sentAt = (version: number, stepDoneMs: number): TrainerStamps => ({
  version,
  stepDoneMs,
  selectedMs: stepDoneMs + 1,
  sentMs: stepDoneMs + 3,
});
const takenAt = (version: number, receivedMs: number): ReplicaStamps => ({
  version,
  receivedMs,
  appliedMs: receivedMs + 8,
});

describe("waysOf", () => {
  it("splits the way of an update into parts that add up to all of it", () => {
    const [way] = waysOf([sentAt(1, 100)], [takenAt(1, 107)], [{ version: 1, answeredMs: 131 }]);
    expect(way).toEqual({
      version: 1,
      select: 1,
      encodeAndLog: 2,
      wire: 4,
      apply: 8,
      predict: 16,
      total: 31,
    });
    expect(PARTS.reduce((sum, part) => sum + way![part], 0)).toBe(way!.total);
  });

  it("lets an update that was overtaken be answered by the next version that was asked", () => {
    const ways = waysOf(
      [sentAt(1, 0), sentAt(2, 10), sentAt(3, 20)],
      [takenAt(1, 5), takenAt(2, 15), takenAt(3, 25)],
      [
        { version: 2, answeredMs: 30 },
        { version: 3, answeredMs: 40 },
      ],
    );
    expect(ways.map(({ version, total }) => [version, total])).toEqual([
      [1, 30],
      [2, 20],
      [3, 20],
    ]);
  });

  it("counts no update that nobody took or nobody asked for", () => {
    const answers = [{ version: 2, answeredMs: 30 }];
    const ways = waysOf([sentAt(1, 0), sentAt(2, 10), sentAt(3, 20)], [takenAt(2, 15)], answers);
    expect(ways.map(({ version }) => version)).toEqual([2]);
    expect(distributionsOf(ways).total).toMatchObject({ count: 1, p99: 20 });
  });
});
