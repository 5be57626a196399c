/** What the default interval promises, where bakes take no more than 0.4 of it. */
const FRESHNESS_MS_MAX = 1_000;

// Bakes take this part of one core, unless freshness needs more; and never more than three
// quarters of it, or a busy machine that makes bakes slow would have more and more of them.
const BAKE_SHARE = 1 / 20;
const BAKE_SHARE_MAX = 3 / 4;

const BAKE_EVERY_MS_MIN = 50; // fresher than anybody sees, and rare enough to cost nothing

/**
 * The time from the start of one bake to the start of the next, in milliseconds, where none is asked
 * for: 20 times what a bake takes, at least 50 ms, but so that an update is visible after a second even
 * if the next bake takes twice as long; and never less than 4/3 of what a bake takes.
 */
export function defaultBakeEveryMs(bakeMs: number): number {
  const freshMs = FRESHNESS_MS_MAX - 2 * bakeMs;
  const wantedMs = Math.min(bakeMs / BAKE_SHARE, freshMs);
  return Math.max(BAKE_EVERY_MS_MIN, wantedMs, bakeMs / BAKE_SHARE_MAX);
}
