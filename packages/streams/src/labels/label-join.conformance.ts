import { ManualClock } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isErased } from "../erasure/erased-sample.ts";
import type { LabelEvent, LabelJoin, LabelJoinOptions, Prediction } from "./label-join.ts";

/** A prediction whose content follows from its number. */
export function madePrediction(number: number): Prediction {
  const features =
    number % 2 === 0 ? Uint8Array.of(number & 255, 7) : Float32Array.of(number, -0.5, 1e-30);
  return {
    id: `sample-${number}`,
    version: number * 3,
    eventTimeMs: 1_700_000_000_000 + number + 0.25,
    features,
    outputs: Float32Array.of(number / 7, -number, 0),
    noChange: number % 3 === 0 ? null : number % 10,
    majority: number % 5 === 0 ? null : 1,
  };
}

export const made = (...numbers: readonly number[]): readonly Prediction[] =>
  numbers.map(madePrediction);
export const labelOf = (number: number, label = number % 10): { id: string; label: number } => ({
  id: `sample-${number}`,
  label,
});

export function eventOf({ kind, number }: { kind: string; number: number }): LabelEvent {
  return kind === "predicted"
    ? { kind: "predicted", prediction: madePrediction(number) }
    : { kind: "labelled", label: labelOf(number) };
}

/** What every label join must do; `open` gives a new, empty one. */
export function labelJoinConformance(
  name: string,
  open: (options: LabelJoinOptions) => Promise<LabelJoin> | LabelJoin,
): void {
  const opened = async (
    clock: ManualClock,
    options: Partial<LabelJoinOptions> = {},
  ): Promise<LabelJoin> => open({ clock, expireAfterMs: 1_000, ...options });
  const newClock = (): ManualClock => new ManualClock(1_000_000);

  describe(`${name} is a label join`, () => {
    it("is empty at first", async () => {
      await using join = await opened(newClock());
      expect(join.joinedCount()).toBe(0);
      expect(await join.joined(0, 0)).toEqual([]);
      expect(await join.predicted([])).toEqual([]);
      expect(await join.labelled([])).toEqual([]);
      expect(await join.expire()).toBe(0);
      expect(join.stats()).toMatchObject({ pending: 0, early: 0, joined: 0 });
    });

    it("gives a label the prediction that was made when its sample arrived, bit for bit", async () => {
      const clock = newClock();
      await using join = await opened(clock);
      expect(await join.predicted(made(0, 1, 2, 3))).toEqual(Array(4).fill("stored"));
      clock.advance(300);
      // A later prediction of the same sample changes nothing.
      const better = { ...madePrediction(1), version: 99, outputs: Float32Array.of(1, 1, 1) };
      expect(await join.predicted([better])).toEqual(["duplicate"]);
      clock.advance(100);
      expect(await join.labelled([labelOf(1), labelOf(0, 8)])).toEqual(["joined", "joined"]);
      const times = { predictedAtMs: 1_000_000, labelledAtMs: 1_000_400 };
      expect(await join.joined(0, 2)).toEqual([
        { ...madePrediction(1), ...times, label: 1, lagSamples: 2 },
        { ...madePrediction(0), ...times, label: 8, lagSamples: 3 },
      ]);
      expect(join.stats()).toMatchObject({ pending: 2, joined: 2, duplicatePredictions: 1 });
    });

    it("gives the predictions that wait, in their order, from a number on", async () => {
      await using join = await opened(newClock());
      await join.predicted(made(5, 3, 9, 1));
      await join.labelled([labelOf(3)]);
      const waiting = [
        { ...madePrediction(5), sequence: 0, predictedAtMs: 1_000_000 },
        { ...madePrediction(9), sequence: 2, predictedAtMs: 1_000_000 },
        { ...madePrediction(1), sequence: 3, predictedAtMs: 1_000_000 },
      ];
      expect(await join.pending(0)).toEqual(waiting);
      expect(await join.pending(1)).toEqual(waiting.slice(1));
      expect(await join.pending(3)).toEqual(waiting.slice(2));
      expect(await join.pending(4)).toEqual([]);
    });

    it("keeps its own copy of features and outputs", async () => {
      await using join = await opened(newClock());
      const prediction = madePrediction(4);
      await join.predicted([prediction]);
      prediction.features.fill(0);
      prediction.outputs.fill(0);
      await join.labelled([labelOf(4)]);
      expect(await join.joined(0, 1)).toMatchObject([madePrediction(4)]);
    });

    it("lets a label wait for its sample", async () => {
      const clock = newClock();
      await using join = await opened(clock);
      expect(await join.labelled([labelOf(5), labelOf(6)])).toEqual(["early", "early"]);
      clock.advance(50);
      expect(await join.predicted(made(6, 7))).toEqual(["joined", "stored"]);
      const [joined] = await join.joined(0, 1);
      expect(joined).toMatchObject({ id: "sample-6", label: 6, lagSamples: 0 });
      expect(joined).toMatchObject({ predictedAtMs: 1_000_050, labelledAtMs: 1_000_050 });
      expect(join.stats()).toMatchObject({ early: 1, pending: 1, joined: 1 });
    });

    it("knows duplicates, whatever they say, and lets the first stand", async () => {
      await using join = await opened(newClock());
      await join.predicted(made(1));
      await join.labelled([labelOf(1, 4), labelOf(2, 5)]);
      expect(await join.labelled([labelOf(1, 4), labelOf(1, 9), labelOf(2, 5)])).toEqual(
        Array(3).fill("duplicate"),
      );
      expect(await join.labelled([labelOf(3), labelOf(3)])).toEqual(["early", "duplicate"]);
      expect(await join.predicted(made(1, 2))).toEqual(["duplicate", "joined"]);
      expect((await join.joined(0, 2)).map(({ label }) => label)).toEqual([4, 5]);
      const counts = { duplicateLabels: 4, conflicts: 1, duplicatePredictions: 1 };
      expect(join.stats()).toMatchObject(counts);
    });

    it("gives predictions up that have waited too long, and says so to their labels", async () => {
      const clock = newClock();
      await using join = await opened(clock);
      await join.predicted(made(1));
      clock.advance(600);
      await join.predicted(made(2));
      await join.labelled([labelOf(9)]);
      clock.advance(399);
      expect(await join.expire()).toBe(0);
      clock.advance(1);
      expect(await join.labelled([labelOf(1), labelOf(2)])).toEqual(["expired", "joined"]);
      clock.advance(600);
      expect(await join.predicted(made(9, 1))).toEqual(["stored", "duplicate"]);
      const counts = { pending: 1, early: 0, expiredByAge: 1, tooLate: 1, earlyExpired: 1 };
      expect(join.stats()).toMatchObject(counts);
    });

    it("bounds what waits, the oldest going first", async () => {
      await using join = await opened(newClock(), { pendingMax: 3, earlyMax: 2 });
      await join.predicted(made(1, 2, 3, 4));
      expect(await join.labelled([labelOf(1), labelOf(2)])).toEqual(["expired", "joined"]);
      await join.labelled([labelOf(7), labelOf(8), labelOf(9)]);
      expect(await join.predicted(made(7, 9))).toEqual(["stored", "joined"]);
      expect(join.stats()).toMatchObject({ expiredByRoom: 1, earlyExpired: 1, pending: 3 });
    });

    it("bounds the ids that it remembers", async () => {
      await using join = await opened(newClock(), { rememberedMax: 2 });
      await join.predicted(made(1, 2, 3));
      await join.labelled([labelOf(1), labelOf(2), labelOf(3)]);
      // The first one is forgotten: its label might be one that comes before its sample.
      const fates = await join.labelled([labelOf(1), labelOf(2), labelOf(3)]);
      expect(fates).toEqual(["early", "duplicate", "duplicate"]);
    });

    it("erases all of an id, and leaves of what is joined its number, label and answers", async () => {
      await using join = await opened(newClock());
      await join.predicted(made(0, 1, 2, 3));
      await join.labelled([labelOf(0), labelOf(1), labelOf(9)]);
      const ids = ["sample-1", "sample-2", "sample-9", "sample-7"];
      const erased: boolean[] = [];
      for (const id of ids) erased.push(await join.erase(id));
      expect(erased).toEqual([true, true, true, false]);
      expect(join.stats()).toMatchObject({ pending: 1, early: 0, joined: 2 });
      const [right, blank] = await join.joined(0, 2);
      expect(right).toMatchObject(madePrediction(0));
      expect(blank === undefined ? false : isErased(blank)).toBe(true);
      expect(blank?.features).toEqual(new Float32Array(3));
      expect(blank).toMatchObject({ label: 1, outputs: madePrediction(1).outputs });
      expect((await join.pending(0)).map(({ id }) => id)).toEqual(["sample-3"]);
      // What comes under such an id later is new.
      expect(await join.predicted(made(1, 2))).toEqual(["stored", "stored"]);
    });

    it("keeps what is joined until it is released", async () => {
      await using join = await opened(newClock());
      await join.predicted(made(0, 1, 2, 3, 4));
      await join.labelled([0, 1, 2, 3].map((number) => labelOf(number)));
      await join.release(0);
      await join.release(3);
      await join.release(2); // Released already.
      expect(join.joinedCount()).toBe(4);
      await expect(join.joined(2, 4)).rejects.toThrow(RangeError);
      expect((await join.joined(3, 4)).map(({ id }) => id)).toEqual(["sample-3"]);
      await expect(join.release(5)).rejects.toThrow(RangeError);
      await join.labelled([labelOf(4)]);
      expect((await join.joined(3, 5)).map(({ id }) => id)).toEqual(["sample-3", "sample-4"]);
      for (const [from, to] of [
        [4, 3],
        [3, 6],
        [3.5, 4],
        [NaN, 4],
      ] as const) {
        await expect(join.joined(from, to)).rejects.toThrow(RangeError);
      }
    });

    it("takes no labels while too many joined ones are not released, and nothing of the call", async () => {
      await using join = await opened(newClock(), { joinedMax: 2 });
      await join.predicted(made(1, 2, 3));
      await join.labelled([labelOf(9)]);
      const tooMany = [labelOf(8), labelOf(1), labelOf(2), labelOf(3)];
      await expect(join.labelled(tooMany)).rejects.toMatchObject({ code: "EF_LABELS_BACKLOG" });
      expect(join.stats()).toMatchObject({ pending: 3, early: 1, joined: 0 });
      await join.labelled([labelOf(1), labelOf(2)]);
      await expect(join.predicted(made(4, 9))).rejects.toMatchObject({ code: "EF_LABELS_BACKLOG" });
      expect(await join.predicted(made(4))).toEqual(["stored"]);
      await join.release(2);
      expect(await join.labelled([labelOf(3)])).toEqual(["joined"]);
    });

    it("refuses a label that is no number, and everything that came with it", async () => {
      await using join = await opened(newClock());
      await join.predicted(made(1));
      for (const label of [NaN, Infinity]) {
        await expect(join.labelled([labelOf(1), labelOf(2, label)])).rejects.toThrow(RangeError);
      }
      expect(join.stats()).toMatchObject({ pending: 1, early: 0, joined: 0 });
    });

    it("measures how late labels are", async () => {
      const clock = newClock();
      await using join = await opened(clock, { expireAfterMs: 1e6 });
      for (let number = 0; number < 100; number++) {
        await join.predicted(made(number));
        clock.advance(10);
        if (number >= 20) await join.labelled([labelOf(number - 20)]);
      }
      const { lagMs, lagSamples } = join.stats();
      expect(lagMs).toMatchObject({ count: 80, mean: 210, max: 210, p50: 210, p99: 210 });
      expect(lagSamples).toMatchObject({ count: 80, mean: 20, max: 20, p50: 20 });
    });

    it("takes predictions and labels together as if each had come by itself", async () => {
      const event = fc.record({
        kind: fc.constantFrom("predicted", "labelled"),
        number: fc.nat(9),
      });
      // None is empty: a call without events gives up what is too old, no call does not.
      const groups = fc.array(fc.array(event, { minLength: 1, maxLength: 8 }), { maxLength: 6 });
      const limits = { pendingMax: 4, earlyMax: 2 };
      await fc.assert(
        fc.asyncProperty(groups, async (list) => {
          const clock = newClock();
          await using together = await opened(clock, limits);
          await using single = await opened(clock, limits);
          for (const group of list) {
            clock.advance(400);
            await together.take(group.map(eventOf));
            for (const { kind, number } of group) {
              if (kind === "predicted") await single.predicted(made(number));
              else await single.labelled([labelOf(number)]);
            }
          }
          expect(together.stats()).toEqual(single.stats());
          const count = single.joinedCount();
          expect(await together.joined(0, count)).toEqual(await single.joined(0, count));
        }),
        { numRuns: 12 },
      );
    });

    it("takes all of them or none", async () => {
      await using join = await opened(newClock(), { joinedMax: 1 });
      const events = ["predicted", "labelled"].flatMap((kind) =>
        [1, 2].map((number) => eventOf({ kind, number })),
      );
      await expect(join.take(events)).rejects.toMatchObject({ code: "EF_LABELS_BACKLOG" });
      const wrong = { kind: "labelled", label: { id: "sample-1", label: NaN } } as const;
      await expect(join.take([...events.slice(0, 2), wrong])).rejects.toThrow(RangeError);
      expect(join.stats()).toMatchObject({ pending: 0, joined: 0 });
    });

    it("stands still when the clock is set back", async () => {
      const clock = newClock();
      await using join = await opened(clock);
      await join.predicted(made(1));
      clock.advance(-500);
      await join.predicted(made(2));
      clock.advance(600);
      await join.labelled([labelOf(1), labelOf(2)]);
      const joined = await join.joined(0, 2);
      expect(joined.map(({ predictedAtMs }) => predictedAtMs)).toEqual([1_000_000, 1_000_000]);
      expect(join.stats().lagMs.max).toBe(100);
    });

    it("loses nothing and joins nothing twice, whatever the order", async () => {
      const acts = fc.array(
        fc.oneof(
          fc.record({ predict: fc.array(fc.nat(12), { maxLength: 4 }) }),
          fc.record({ label: fc.array(fc.nat(12), { maxLength: 4 }) }),
          fc.record({ waitMs: fc.nat(700) }),
        ),
        { maxLength: 20 },
      );
      await fc.assert(
        fc.asyncProperty(acts, async (list) => {
          const clock = newClock();
          await using join = await opened(clock, { pendingMax: 5, earlyMax: 3 });
          let [stored, early, joinedNow, expiredLabels] = [0, 0, 0, 0];
          for (const act of list) {
            if ("waitMs" in act) clock.advance(act.waitMs);
            else if ("predict" in act) {
              for (const fate of await join.predicted(made(...act.predict))) {
                if (fate === "stored") stored++;
                if (fate === "joined") joinedNow++;
              }
            } else {
              for (const fate of await join.labelled(act.label.map((n) => labelOf(n)))) {
                if (fate === "joined") joinedNow++;
                if (fate === "early") early++;
                if (fate === "expired") expiredLabels++;
              }
            }
          }
          const stats = join.stats();
          const byLabel = stored - stats.pending - stats.expiredByAge - stats.expiredByRoom;
          const byPrediction = early - stats.early - stats.earlyExpired;
          expect(stats.joined).toBe(joinedNow);
          expect(byLabel + byPrediction).toBe(joinedNow);
          expect(stats.tooLate).toBe(expiredLabels);
          const joined = await join.joined(0, join.joinedCount());
          expect(new Set(joined.map(({ id }) => id)).size).toBe(joined.length);
          for (const each of joined) {
            const number = Number(each.id.slice("sample-".length));
            expect(each).toMatchObject({ ...madePrediction(number), label: number % 10 });
          }
        }),
        { numRuns: 12 },
      );
    });
  });
}
