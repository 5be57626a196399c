/** What trainers of tests are watched by, and what they do about a drift. */
import type { DriftSpec } from "./drift/monitor/drift-spec.ts";
import { proactive } from "./strategies/strategy-spec.ts";

/** Two signals that tell of a change of the first features in no more than some samples. */
export const WATCHED: DriftSpec = {
  falseAlarmEvery: 1_000,
  signals: [
    {
      name: "feature distance",
      input: "features",
      detector: {
        ...{ kind: "twoSample", statistic: "ks", referenceSamples: 24, recentSamples: 10 },
        ...{ everySamples: 4, resamples: 300, falseAlarmEvery: 1_000 },
      },
    },
    { name: "errors", input: "errors", detector: { kind: "changeScan" } },
  ],
};

/** Draws what came since the change. */
export const RESPONDING: ReturnType<typeof proactive> = proactive({
  ...{ triggerSize: 8, batchSize: 32 },
  response: { onDrift: { kind: "window", samplesMin: 16 }, actsUnconfirmed: true },
});
