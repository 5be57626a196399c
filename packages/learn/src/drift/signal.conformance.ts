import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DriftVerdict } from "../triggers/trigger.ts";
import type { Signal, SignalCheckpoint } from "./signal.ts";

/** What {@link signalConformance} needs to know of a signal. */
export interface SignalConformanceOptions<Value> {
  /** A new one, always the same. */
  readonly make: () => Signal<Value>;
  /** Values that it takes. */
  readonly values: fc.Arbitrary<Value>;
  /** How many it takes before it can say anything. */
  readonly warmUp: number;
  /** One that it ignores. */
  readonly missing: Value;
  /** A stream that it alarms on. */
  readonly alarming: readonly Value[];
  /** Streams that each property is tried on. @default 20 */
  readonly runs?: number;
  /** A checkpoint of another kind. */
  readonly other: SignalCheckpoint;
}

/** What every signal keeps. */
export function signalConformance<Value>(
  name: string,
  options: SignalConformanceOptions<Value>,
): void {
  const { make, values, warmUp, missing, alarming, other, runs = 20 } = options;
  const streams = fc.array(values, { minLength: 0, maxLength: 2 * warmUp + 40, size: "max" });
  const play = (signal: Signal<Value>, stream: readonly Value[]): readonly DriftVerdict[] =>
    stream.map((value) => signal.update(value));

  describe(`${name} as a signal`, () => {
    it("goes on from a checkpoint, sent as JSON, with the verdicts that would have followed", () => {
      fc.assert(
        fc.property(streams, streams, (before, after) => {
          const uninterrupted = make();
          play(uninterrupted, before);
          const json = JSON.stringify(uninterrupted.checkpoint());
          const resumed = make();
          resumed.restore(JSON.parse(json) as SignalCheckpoint);
          expect(resumed.reading()).toEqual(uninterrupted.reading());
          expect(play(resumed, after)).toEqual(play(uninterrupted, after));
          expect(resumed.checkpoint()).toEqual(uninterrupted.checkpoint());
          expect(resumed.reading()).toEqual(uninterrupted.reading());
        }),
        { numRuns: runs },
      );
    });

    it("goes on so before, at and after an alarm", () => {
      const uninterrupted = make();
      const at = alarming.findIndex((value) => uninterrupted.update(value) === "drift");
      expect(at).toBeGreaterThan(0);
      for (const end of [at, at + 1, at + 2]) {
        const whole = make();
        play(whole, alarming.slice(0, end));
        const resumed = make();
        resumed.restore(JSON.parse(JSON.stringify(whole.checkpoint())) as SignalCheckpoint);
        const rest = [...alarming.slice(end), ...alarming];
        expect(play(resumed, rest)).toEqual(play(whole, rest));
        expect(resumed.checkpoint()).toEqual(whole.checkpoint());
      }
    });

    it("is not changed by being looked at", () => {
      fc.assert(
        fc.property(streams, (stream) => {
          const [watched, alone] = [make(), make()];
          const verdicts = stream.map((value) => {
            watched.checkpoint();
            watched.reading();
            return watched.update(value);
          });
          expect(verdicts).toEqual(play(alone, stream));
        }),
        { numRuns: runs / 2 },
      );
    });

    it("counts missing values and ignores them", () => {
      fc.assert(
        fc.property(streams, fc.nat({ max: 6 }), (stream, every) => {
          const [holed, whole] = [make(), make()];
          let ignored = 0;
          const verdicts = stream.map((value, i) => {
            if (i % (every + 1) === 0) {
              const { verdict } = holed.reading();
              if (holed.update(missing) !== (verdict === "drift" ? "stable" : verdict)) return i;
              ignored++;
            }
            return holed.update(value);
          });
          expect(verdicts).toEqual(play(whole, stream));
          expect(holed.reading()).toEqual({ ...whole.reading(), ignored });
        }),
        { numRuns: runs },
      );
    });

    it("alarms once, and then starts anew as after a reset", () => {
      const signal = make();
      const at = alarming.findIndex((value) => signal.update(value) === "drift");
      expect(signal.reading()).toMatchObject({ verdict: "drift", taken: at + 1, alarms: 1 });
      const twin = make();
      twin.restore(signal.checkpoint());
      twin.reset();
      expect(twin.reading()).toMatchObject({ verdict: "stable", taken: 0, alarms: 1 });
      expect(play(signal, alarming)).toEqual(play(twin, alarming));
      expect(signal.checkpoint()).toEqual(twin.checkpoint());
      expect(signal.reading().alarms).toBeGreaterThan(1);
    });

    it("shows a value on the side of its thresholds that the verdict is on", () => {
      const signal = make();
      const wrong = [...alarming, ...alarming].flatMap((value) => {
        const verdict = signal.update(value);
        const reading = signal.reading();
        const { value: shown, warningAt, driftAt, pValue, taken } = reading;
        const at = shown ?? -Infinity;
        const warned = warningAt ?? (verdict === "warning" ? Infinity : -Infinity);
        const isRight: { readonly [K in DriftVerdict]: boolean } = {
          drift: at > (driftAt ?? -Infinity) - 1e-9,
          warning: at > warned - 1e-9,
          stable: at < (warningAt ?? Infinity) + 1e-9,
        };
        const isChance = pValue === null || (pValue >= 0 && pValue <= 1);
        return isRight[verdict] && isChance && taken > 0 ? [] : [reading];
      });
      expect(wrong).toEqual([]);
    });

    it("refuses a checkpoint of another kind, of other sizes, or with a number that is none", () => {
      const refused = (code: string): Error => expect.objectContaining({ code }) as Error;
      const signal = make();
      expect(() => make().restore(other)).toThrow(refused("EF_RESUME_MISMATCH"));
      play(signal, alarming.slice(0, warmUp + 5));
      const { kind, numbers } = signal.checkpoint();
      const damaged = [numbers.slice(0, -1), [...numbers, 7], [], [99, ...numbers.slice(1)]];
      damaged.push([...numbers.slice(0, -1), NaN]);
      for (const part of damaged) {
        const restore = (): void => make().restore({ kind, numbers: part });
        expect(restore).toThrow(refused("EF_DRIFT_CHECKPOINT"));
      }
    });
  });
}
