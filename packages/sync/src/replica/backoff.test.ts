import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { BACKOFF_LIMITS, backoffMs } from "./backoff.ts";

describe("backoffMs", () => {
  it("stays between half and all of the doubled waiting time, below the cap", () => {
    const jitters = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.nat(), jitters, (attempt, jitter) => {
        const { baseMs, capMs } = BACKOFF_LIMITS;
        const longest = Math.min(capMs, baseMs * 2 ** attempt);
        const wait = backoffMs(attempt, jitter, BACKOFF_LIMITS);
        expect(wait).toBeGreaterThanOrEqual(longest / 2);
        expect(wait).toBeLessThanOrEqual(longest);
      }),
    );
  });
});
