import { durationText } from "./trigger-rule.ts";
import type { BudgetRule } from "./budget-rule.ts";

const HOUR_MS = 3_600_000;
/** Time is booked in slices of half a minute, so an hour takes 121 numbers. */
const SLICE_MS = 30_000;
/** Steps whose mean is what the next one is expected to take. */
const STEPS = 16;

/**
 * Training time in the last hour: a step begins only if with the time that it is expected to take no
 * hour has more than `seconds`. What is booked stays until its whole slice is an hour old. A step that
 * takes longer than expected goes over; the next ones wait the longer. One that is expected to take
 * longer than the whole budget begins only when nothing was spent in the last hour.
 */
export function trainingHour(seconds: number): BudgetRule {
  const mostMs = 1_000 * seconds;
  let slices: { readonly slice: number; ms: number }[] = [];
  let durations: number[] = [];
  const drop = (nowMs: number): void => {
    slices = slices.filter(({ slice }) => (slice + 1) * SLICE_MS > nowMs - HOUR_MS);
  };
  const usedMs = (): number => slices.reduce((sum, { ms }) => sum + ms, 0);
  const expectedMs = (): number =>
    durations.reduce((sum, ms) => sum + ms, 0) / Math.max(1, durations.length);
  const bookIn = (slice: number, ms: number): void => {
    const last = slices.find((each) => each.slice === slice);
    if (last === undefined) slices.push({ slice, ms });
    else last.ms += ms;
    slices.sort((a, b) => a.slice - b.slice);
  };
  return {
    decide: (nowMs) => {
      drop(nowMs);
      const used = usedMs();
      const expected = expectedMs();
      const room = Math.max(0, mostMs - expected);
      let left = used;
      let waitMs = 0;
      for (const { slice, ms } of slices) {
        if (left <= room && left < mostMs) break;
        left -= ms;
        waitMs = (slice + 1) * SLICE_MS + HOUR_MS - nowMs;
      }
      return {
        isAllowed: waitMs <= 0,
        waitMs: Math.max(0, waitMs),
        why:
          `${durationText(used)} of ${durationText(mostMs)} are spent in the last hour, ` +
          `a step takes ${durationText(expected)}`,
      };
    },
    began: () => undefined,
    ended: (nowMs, durationMs) => {
      // To every slice the part of the step that was in it.
      let fromMs = Math.max(nowMs - durationMs, nowMs - HOUR_MS);
      while (fromMs < nowMs) {
        const slice = Math.floor(fromMs / SLICE_MS);
        const untilMs = Math.min(nowMs, (slice + 1) * SLICE_MS);
        bookIn(slice, untilMs - fromMs);
        fromMs = untilMs;
      }
      drop(nowMs);
      durations = [...durations, durationMs].slice(-STEPS);
    },
    numbers: () => [
      durations.length,
      ...durations,
      ...slices.flatMap(({ slice, ms }) => [slice, ms]),
    ],
    remember: ([count = 0, ...rest]) => {
      durations = rest.slice(0, count);
      slices = [];
      for (let at = count; at + 1 < rest.length; at += 2) {
        const [slice = 0, ms = 0] = rest.slice(at, at + 2);
        slices.push({ slice, ms });
      }
    },
  };
}
