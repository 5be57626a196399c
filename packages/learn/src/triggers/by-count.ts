import type { TriggerEvent } from "./trigger.ts";
import type { TriggerRule } from "./trigger-rule.ts";
import type { ByCountSpec, StaticScheduleSpec } from "./trigger-spec.ts";

/** Due when `samples` new samples wait. */
export function byCount({ samples }: ByCountSpec): TriggerRule {
  let waiting = 0;
  return {
    on: (event: TriggerEvent) => {
      if (event.kind === "arrived") waiting += event.samples;
      if (event.kind === "began") waiting = Math.max(0, waiting - event.samples);
    },
    decide: () => ({
      isDue: waiting >= samples,
      why: `${waiting} of ${samples} new samples are there`,
    }),
    numbers: () => [waiting],
    remember: ([stored = 0]) => {
      waiting = stored;
    },
  };
}

/** Due when `everyChunks` chunks have arrived since training began last. */
export function staticSchedule({ everyChunks }: StaticScheduleSpec): TriggerRule {
  let chunks = 0;
  return {
    on: (event: TriggerEvent) => {
      if (event.kind === "arrived") chunks++;
      if (event.kind === "began") chunks = 0;
    },
    decide: () => ({
      isDue: chunks >= everyChunks,
      why: `${chunks} of ${everyChunks} chunks are there`,
    }),
    numbers: () => [chunks],
    remember: ([stored = 0]) => {
      chunks = stored;
    },
  };
}
