/** Bounds of the waiting time between two attempts to connect. */
export interface BackoffLimits {
  /** Waiting time before the second attempt, at most. Milliseconds. */
  readonly baseMs: number;
  /** Longest waiting time. Milliseconds. */
  readonly capMs: number;
}

/**
 * The defaults: a restarted server is back within seconds, a dead one is asked six times a
 * minute.
 */
export const BACKOFF_LIMITS: BackoffLimits = { baseMs: 250, capMs: 10_000 };

/**
 * Capped exponential backoff with equal jitter, so that the replicas of a restarted server do not
 * all come back at once:
 *
 *   wait = d/2 + jitter · d/2,   d = min(cap, base · 2^attempt)
 *
 * @param attempt how many attempts failed before, from 0
 * @param jitter in [0, 1)
 */
export function backoffMs(attempt: number, jitter: number, limits: BackoffLimits): number {
  const longest = Math.min(limits.capMs, limits.baseMs * 2 ** Math.min(attempt, 32));
  return longest / 2 + (jitter * longest) / 2;
}
