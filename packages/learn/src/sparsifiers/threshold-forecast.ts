/**
 * From where on to collect candidates for the next selection: a guess that only costs time where it is
 * wrong. Too low, and there are many candidates; too high, and a second pass is needed.
 */

/** Below it there is no positive float32. */
export const SMALLEST: number = 2 ** -149;

/** Shares of the forecast threshold from which on candidates are collected. */
const SHARE_MIN = 0.8;
const SHARE_MAX = 0.99; // differences are so dense there that 0.97 can mean three times as many

/** By how much a threshold is thought to change from one selection to the next. */
const GROWTH_MIN = 0.8;
const GROWTH_MAX = 1.5;

/** Candidates per wanted number that are worth coming closer. */
const MANY_PER_WANTED = 2;

/** What is expected of the smallest difference that will be selected next. */
export interface Forecast {
  /** The smallest difference that was selected last. */
  readonly threshold: number;
  /** That over the one before. */
  readonly ratio: number;
  /** What it will be multiplied by. */
  readonly growth: number;
  readonly share: number;
}

/** What came of a forecast. */
export interface Selection {
  /** The smallest difference that was selected. */
  readonly threshold: number;
  /** How many candidates there were per wanted number; infinite where they had to be thinned out. */
  readonly candidatesPerWanted: number;
  /** Whether there were fewer than wanted from the level on. */
  readonly isMissed: boolean;
}

/** From which difference on candidates are collected: a float32 above 0. */
export function levelOf({ threshold, growth, share }: Forecast): number {
  return Math.max(SMALLEST, Math.fround(share * growth * threshold));
}

/** The forecast after a selection; `last` is null before the first. */
export function forecastAfter(last: Forecast | null, selection: Selection): Forecast {
  const { threshold, candidatesPerWanted, isMissed } = selection;
  if (last === null) return { threshold, ratio: 1, growth: 1, share: SHARE_MIN };
  const ratio = threshold / last.threshold;
  // A single leap is no trend, and growth slows down.
  const trend = Math.min(ratio, last.ratio);
  const growth = trend > 1 ? 1 + (trend - 1) / 2 : trend;
  return {
    threshold,
    ratio,
    growth: Math.min(GROWTH_MAX, Math.max(GROWTH_MIN, growth)),
    share: isMissed ? further(last.share) : nearer(last.share, candidatesPerWanted),
  };
}

/** Twice as far from 1: a second pass takes longer than many candidates. */
function further(share: number): number {
  return Math.max(SHARE_MIN, 1 - 2 * (1 - share));
}

/** Closer to 1 where there were too many candidates, the more the more there were. */
function nearer(share: number, candidatesPerWanted: number): number {
  if (candidatesPerWanted <= MANY_PER_WANTED) return share;
  const step = candidatesPerWanted === Infinity ? 1 / 2 : 4 / 5;
  return Math.min(SHARE_MAX, 1 - step * (1 - share));
}
