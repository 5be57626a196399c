import { ManualClock } from "@everfresh/core";
import { expect, it } from "vitest";
import { UpdateLatency } from "./update-latency.ts";

it("times updates from the end of their step to each replica that was there", () => {
  const clock = new ManualClock();
  const latency = new UpdateLatency(clock);
  const publish = (version: number): void => {
    latency.stepDone();
    clock.advance(2); // selection, log
    latency.published(version);
  };
  publish(1);
  publish(2);
  latency.acknowledged("a", 1); // joins while version 2 is on its way
  clock.advance(100);
  latency.acknowledged("a", 2); // still catching up
  expect(latency.values.count).toBe(0);
  publish(3);
  clock.advance(5);
  latency.acknowledged("a", 3);
  latency.acknowledged("a", 99); // never published
  expect([latency.values.count, latency.values.max]).toEqual([1, 7]);
});

it("forgets versions that nobody acknowledges", () => {
  const latency = new UpdateLatency(new ManualClock());
  latency.published(0);
  latency.acknowledged("a", 0);
  for (let version = 1; version <= 3000; version++) latency.published(version);
  latency.acknowledged("a", 1);
  expect(latency.values.count).toBe(0);
  latency.acknowledged("a", 3000);
  expect(latency.values.count).toBe(1);
});
