import { ManualClock } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { isErased } from "../erasure/erased-sample.ts";
import { eventOf, labelOf, made, madePrediction } from "./label-join.conformance.ts";
import type { LabelEvent, LabelJoin, LabelJoinOptions } from "./label-join.ts";

/** What every label join must do for an origin of samples and labels that is read by places. */
export function eventJoinConformance(
  name: string,
  open: (options: LabelJoinOptions) => Promise<LabelJoin> | LabelJoin,
): void {
  const opened = async (
    clock: LabelJoinOptions["clock"],
    options: Partial<LabelJoinOptions> = {},
  ): Promise<LabelJoin> => open({ clock, expireAfterMs: 1_000, ...options });
  const newClock = (): ManualClock => new ManualClock(1_000_000);

  describe(`${name} is one of events`, () => {
    it("knows how far its origin was read, of what it has taken and of nothing else", async () => {
      await using join = await opened(newClock(), { joinedMax: 1 });
      expect(join.cursor()).toBe(0);
      const events = [1, 2].map((number) => eventOf({ kind: "predicted", number }));
      await join.take(events, { cursor: 7 });
      expect(join.cursor()).toBe(7);
      const both = [1, 2].map((number) => eventOf({ kind: "labelled", number }));
      await expect(join.take(both, { cursor: 9 })).rejects.toThrow();
      expect(join.cursor()).toBe(7);
      await join.take(both.slice(1));
      expect(join.cursor()).toBe(7);
    });

    it("goes by the times of events, where they have their own", async () => {
      const clock = { nowMs: () => 0 };
      await using join = await opened(clock, { expireAfterMs: 1_000 });
      const at = (atMs: number, kind: string, number: number): LabelEvent => ({
        ...eventOf({ kind, number }),
        atMs,
      });
      await join.take([at(5_000, "predicted", 1), at(5_400, "predicted", 2)]);
      // One that was set back does not turn it back.
      await join.take([
        at(4_000, "predicted", 3),
        at(6_399, "labelled", 2),
        at(6_400, "labelled", 3),
      ]);
      const { expiredByAge, tooLate, joined, lagMs } = join.stats();
      expect({ expiredByAge, tooLate, joined }).toEqual({ expiredByAge: 2, tooLate: 1, joined: 1 });
      expect(lagMs.max).toBe(999);
    });

    it("keeps what has happened as turns where it is asked to, until they are released", async () => {
      await using join = await opened(newClock(), { pendingMax: 2 });
      await join.take([eventOf({ kind: "predicted", number: 8 })]);
      expect(join.turns()).toEqual({ count: 0, released: 0 });
      const happening = [
        ...["predicted", "predicted", "labelled", "labelled", "predicted", "predicted"],
      ].map((kind, i) => eventOf({ kind, number: [1, 2, 2, 5, 3, 4][i] ?? 0 }));
      await join.take(happening, { keepTurns: true });
      await join.erase("sample-4");
      const predicted = (number: number, sequence: number): object => {
        const { id, version, eventTimeMs, features, outputs } = madePrediction(number);
        return { kind: "predicted", sequence, id, version, eventTimeMs, features, outputs };
      };
      const turns = [
        predicted(1, 1),
        // Number 8 goes, for number 2.
        { kind: "expired", sequence: 0 },
        predicted(2, 2),
        { kind: "joined", sequence: 2, label: 2, outputs: madePrediction(2).outputs },
        predicted(3, 3),
        { kind: "expired", sequence: 1 },
        expect.objectContaining({ kind: "predicted", sequence: 4, features: new Uint8Array(2) }),
        { kind: "expired", sequence: 4 },
      ];
      expect(join.turns()).toEqual({ count: 8, released: 0 });
      expect(await join.turnsIn(0, 8)).toEqual(turns);
      const [erased] = await join.turnsIn(6, 7);
      expect(erased?.kind === "predicted" && isErased(erased)).toBe(true);
      await join.releaseTurns(3);
      await join.releaseTurns(2);
      expect(join.turns()).toEqual({ count: 8, released: 3 });
      expect(await join.turnsIn(3, 5)).toEqual(turns.slice(3, 5));
      await expect(join.turnsIn(2, 5)).rejects.toThrow(RangeError);
      await expect(join.releaseTurns(9)).rejects.toThrow(RangeError);
    });

    it("keeps no early labels where none can be, and counts those that wait below a number", async () => {
      await using join = await opened(newClock(), { earlyMax: 0 });
      expect(await join.labelled([labelOf(1)])).toEqual(["expired"]);
      expect(await join.predicted(made(1, 2, 3))).toEqual(["stored", "stored", "stored"]);
      expect(join.stats()).toMatchObject({ early: 0, earlyExpired: 0, tooLate: 1, predicted: 3 });
      await join.labelled([labelOf(2)]);
      expect([0, 1, 2, 3, 9].map((sequence) => join.pendingBelow(sequence))).toEqual([
        0, 1, 1, 2, 2,
      ]);
    });
  });
}
