import type { Random } from "@everfresh/core";

/** How requests arrive: at equal distances, or independently of each other. */
export type ArrivalKind = "fixed" | "poisson";

/**
 * When requests arrive that nobody holds back, in milliseconds from the start, below `durationMs`. The
 * gaps of a Poisson process are exponential: −ln(1 − u) / rate, u uniform in [0, 1).
 */
export function arrivalsOf(
  kind: ArrivalKind,
  perSecond: number,
  durationMs: number,
  random: Random,
): Float64Array {
  const meanMs = 1_000 / perSecond;
  const times: number[] = [];
  for (let atMs = 0; ;) {
    atMs += kind === "fixed" ? meanMs : -Math.log(1 - random.float()) * meanMs;
    if (atMs >= durationMs) return Float64Array.from(times);
    times.push(atMs);
  }
}
