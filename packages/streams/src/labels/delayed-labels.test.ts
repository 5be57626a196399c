import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { madeSamples } from "../history/history.conformance.ts";
import { delayedLabels, type StreamEvent } from "./delayed-labels.ts";

async function eventsOf(count: number, lagSamples: number): Promise<readonly StreamEvent[]> {
  async function* stream(): AsyncGenerator<ReturnType<typeof madeSamples>[number]> {
    for (const sample of madeSamples(0, count)) yield await Promise.resolve(sample);
  }
  const events: StreamEvent[] = [];
  for await (const event of delayedLabels(stream(), lagSamples)) events.push(event);
  return events;
}

describe("delayedLabels", () => {
  it("lets each label come as many samples after its own, and all of them in the end", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(60), fc.nat(30), async (count, lag) => {
        const events = await eventsOf(count, lag);
        const samples = events.filter(({ kind }) => kind === "sample");
        const labels = events.filter((event) => event.kind === "label");
        const all = madeSamples(0, count);
        expect(samples).toHaveLength(count);
        expect(labels.map(({ id, label }) => [id, label])).toEqual(
          all.map(({ id, label }) => [id, label]),
        );
        labels.forEach((label, n) => {
          const before = events.slice(0, events.indexOf(label));
          const arrived = before.filter(({ kind }) => kind === "sample").length;
          expect(arrived).toBe(Math.min(count, n + 1 + lag));
        });
      }),
      { numRuns: 40 },
    );
  });

  it("keeps its order over a long stream", async () => {
    const labels = (await eventsOf(5_000, 500)).filter((event) => event.kind === "label");
    expect(labels.map(({ id }) => id)).toEqual(madeSamples(0, 5_000).map(({ id }) => id));
  });

  it("refuses a lag that is no number of samples", async () => {
    await expect(eventsOf(1, -1)).rejects.toThrow(RangeError);
    await expect(eventsOf(1, 0.5)).rejects.toThrow(/got 0\.5/);
  });
});
