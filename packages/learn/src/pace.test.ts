import { ManualClock } from "@everfresh/core";
import { describe, expect, it, vi } from "vitest";
import { paced, timerSleep } from "./pace.ts";

async function* letters(): AsyncGenerator<string> {
  for (const letter of "abcde") {
    await Promise.resolve();
    yield letter;
  }
}

describe("paced", () => {
  it("gives a slow consumer what arrived meanwhile, and waits again after that", async () => {
    const clock = new ManualClock();
    const sleep = (durationMs: number): Promise<void> => {
      clock.advance(durationMs);
      return Promise.resolve();
    };
    const arrivedMs: number[] = [];
    for await (const letter of paced(letters(), { samplesPerSecond: 20, clock, sleep })) {
      arrivedMs.push(clock.monotonicMs());
      if (letter === "b") clock.advance(70); // longer than the 50 ms from one letter to the next
    }
    expect(arrivedMs).toEqual([0, 50, 120, 150, 200]);
  });
});

describe("timerSleep", () => {
  it("wakes up when aborted", async () => {
    const abort = new AbortController();
    const asleep = timerSleep(3_600_000, abort.signal);
    abort.abort();
    await asleep;
    await timerSleep(3_600_000, abort.signal);
  });

  it("wakes up when the time has come", async () => {
    vi.useFakeTimers();
    const asleep = timerSleep(3_600_000);
    vi.advanceTimersByTime(3_600_000);
    await asleep;
    vi.useRealTimers();
  });
});
