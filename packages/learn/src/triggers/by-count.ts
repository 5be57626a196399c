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

/**
 * Due when `everyChunks` chunks have arrived since training began last. Of a chunk that has not arrived
 * in full then, the first part counts for the next time.
 */
export function staticSchedule({ everyChunks, chunkSamples }: StaticScheduleSpec): TriggerRule {
  const size = chunkSamples ?? 1;
  /** Samples; chunks, where one is what arrives together. */
  let arrived = 0;
  const chunks = (): number => Math.floor(arrived / size);
  return {
    on: (event: TriggerEvent) => {
      if (event.kind === "arrived") arrived += chunkSamples === undefined ? 1 : event.samples;
      if (event.kind === "began") arrived %= size;
    },
    decide: () => ({
      isDue: chunks() >= everyChunks,
      why: `${chunks()} of ${everyChunks} chunks are there`,
    }),
    numbers: () => [arrived],
    remember: ([stored = 0]) => {
      arrived = stored;
    },
  };
}
