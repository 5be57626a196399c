import type { BudgetRule } from "./budget-rule.ts";

/**
 * A token bucket: holds up to `burst` steps, gains `rate` per second, and every step takes one. In any
 * time of s seconds at most burst + rate · s steps begin.
 */
export function stepBucket(rate: number, burst: number): BudgetRule {
  let tokens = burst;
  let atMs: number | null = null;
  const at = (nowMs: number): number =>
    Math.min(burst, tokens + ((nowMs - (atMs ?? nowMs)) * rate) / 1_000);
  return {
    decide: (nowMs) => {
      const there = at(nowMs);
      // Rounded up to what a timer can keep.
      const waitMs = there >= 1 ? 0 : Math.ceil(((1 - there) * 1_000) / rate);
      return {
        isAllowed: waitMs === 0,
        waitMs,
        why: `${Number(there.toFixed(2))} steps are saved up at ${Number(rate.toPrecision(3))} per second`,
      };
    },
    began: (nowMs) => {
      tokens = at(nowMs) - 1;
      atMs = nowMs;
    },
    ended: () => undefined,
    numbers: () => (atMs === null ? [tokens] : [tokens, atMs]),
    remember: ([stored = burst, time]) => {
      tokens = Math.min(stored, burst);
      atMs = time ?? null;
    },
  };
}
