import { durationText, type TriggerRule } from "./trigger-rule.ts";
import type { ByTimeSpec } from "./trigger-spec.ts";

/** Due when `everyMs` have passed since training began last, or since the first event. */
export function byTime({ everyMs, of }: ByTimeSpec): TriggerRule {
  let sinceMs: number | null = null;
  let latestMs: number | null = null;
  const passed = (): number =>
    sinceMs === null ? 0 : Math.max(0, (latestMs ?? sinceMs) - sinceMs);
  const timeIs = (timeMs: number): void => {
    sinceMs ??= timeMs;
    latestMs = Math.max(latestMs ?? timeMs, timeMs);
  };
  return {
    on: (event, nowMs) => {
      if (of === "clock") timeIs(nowMs);
      else if (event.kind === "arrived" && event.eventTimeMs !== undefined)
        timeIs(event.eventTimeMs);
      if (event.kind === "began") sinceMs = latestMs;
    },
    decide: () => ({
      isDue: sinceMs !== null && passed() >= everyMs,
      why:
        `${durationText(passed())} of ${durationText(everyMs)} have passed` +
        (of === "events" ? " by event time" : ""),
    }),
    numbers: () => (sinceMs === null || latestMs === null ? [] : [sinceMs, latestMs]),
    remember: ([storedSince, storedLatest]) => {
      sinceMs = storedSince ?? null;
      latestMs = storedLatest ?? null;
    },
  };
}
