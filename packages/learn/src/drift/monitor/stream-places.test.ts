import { describe, expect, it } from "vitest";
import { StreamPlaces } from "./stream-places.ts";

describe("places in a stream", () => {
  it("have the event times of their samples", () => {
    const places = new StreamPlaces();
    for (let i = 0; i < 100; i++) places.add(10 * i, 1_000 + i);
    expect(places.at(990)).toEqual({ sequence: 990, eventTimeMs: 1_099 });
    // Between two samples it is that of the one before.
    expect(places.at(985)).toEqual({ sequence: 985, eventTimeMs: 1_098 });
  });

  it("have no time where that is not known, or is none", () => {
    const places = new StreamPlaces();
    expect(places.at(5)).toEqual({ sequence: 5, eventTimeMs: null });
    [NaN, Infinity, 9e15].forEach((time, i) => places.add(i, time));
    for (const sequence of [0, 1, 2]) expect(places.at(sequence).eventTimeMs).toBeNull();
    expect(places.clockBackwards).toBe(0);
  });

  it("count a clock that goes backwards, and keep what it says", () => {
    const places = new StreamPlaces();
    [100, 90, NaN, 95, 100, 101].forEach((time, i) => places.add(i, time));
    expect(places.clockBackwards).toBe(2);
    expect(places.at(1).eventTimeMs).toBe(90);
    const resumed = new StreamPlaces();
    resumed.remember(places.numbers());
    resumed.add(6, 100);
    expect(resumed.clockBackwards).toBe(3);
    expect(resumed.at(3).eventTimeMs).toBe(95);
  });
});
