import type { Clock } from "@everfresh/core";

/** Resolves after `durationMs`, or at once when `signal` aborts. */
export type Sleep = (durationMs: number, signal?: AbortSignal) => Promise<void>;

/** How fast samples arrive. */
export interface Pace {
  /** Above 0. */
  readonly samplesPerSecond: number;
  readonly clock: Clock;
  readonly sleep: Sleep;
}

/**
 * The same items, none before its time: item n comes n / rate seconds after the first was asked for.
 * A consumer that was slow finds those waiting that would have arrived meanwhile.
 */
export async function* paced<T>(
  items: AsyncIterable<T>,
  { samplesPerSecond, clock, sleep }: Pace,
  signal?: AbortSignal,
): AsyncGenerator<T, void, void> {
  const startMs = clock.monotonicMs();
  let count = 0;
  for await (const item of items) {
    const waitMs = startMs + (1_000 * count) / samplesPerSecond - clock.monotonicMs();
    if (waitMs > 0) await sleep(waitMs, signal);
    count++;
    yield item;
  }
}

/** The pace that the options of a run ask for, or none. */
export function paceOf(options: {
  readonly paceSamplesPerSecond?: number;
  readonly clock: Clock;
  readonly sleep?: Sleep;
}): Pace | undefined {
  const { paceSamplesPerSecond: samplesPerSecond, clock, sleep = timerSleep } = options;
  return samplesPerSecond === undefined ? undefined : { samplesPerSecond, clock, sleep };
}

/** Sleeps on the timer of the runtime. */
export const timerSleep: Sleep = (durationMs, signal) =>
  new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, durationMs);
    signal?.addEventListener("abort", done);
  });
