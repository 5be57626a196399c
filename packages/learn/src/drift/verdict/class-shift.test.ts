import { describe, expect, it } from "vitest";
import { ClassShift } from "./class-shift.ts";

const NAMES = ["cat", "dog", "owl"];

/** 600 values: class i % 3, of which the last 200 of class 1 are larger. */
function shifted(): ClassShift {
  const shift = new ClassShift(3);
  for (let i = 0; i < 600; i++) shift.add(i >= 400 && i % 3 === 1 ? 0.9 : 0.1, i % 3);
  return shift;
}

describe("where a mean has moved", () => {
  it("names the classes that have moved, the surest first", () => {
    const [first, ...others] = shifted().moved(NAMES, 5);
    expect(first).toEqual({ name: "dog", value: expect.closeTo(0.8, 10) as number });
    expect(others.every(({ value }) => Math.abs(value) < 1e-9)).toBe(true);
    expect(shifted().moved(NAMES, 0)).toEqual([]);
  });

  it("holds a class that did not come before against all that did", () => {
    const shift = new ClassShift(3);
    for (let i = 0; i < 400; i++) shift.add(i % 2 === 0 ? 0 : 0.2, i % 2);
    for (let i = 0; i < 200; i++) shift.add(i % 4 === 0 ? 1 : 0.1, i % 4 === 0 ? 2 : i % 2);
    const [first] = shift.moved(NAMES, 1);
    expect(first).toEqual({ name: "owl", value: expect.closeTo(0.9, 10) as number });
  });

  it("tells the means of the newest values and of those before", () => {
    const { before, recent } = shifted().mean()!;
    expect(before).toBeCloseTo(0.1, 10);
    expect(recent).toBeCloseTo((0.1 * 133 + 0.9 * 67) / 200, 2);
  });

  it("says nothing before it has values on either side, nor of a class that there is not", () => {
    const shift = new ClassShift(2);
    for (let i = 0; i < 204; i++) shift.add(1, 0);
    expect(shift.mean()).toBeNull();
    expect(shift.moved(NAMES, 5)).toEqual([]);
    for (let i = 0; i < 300; i++) shift.add(i, i % 2 === 0 ? -1 : 7);
    expect(shift.moved(NAMES, 5)).toEqual([]);
  });

  it("goes on from its numbers as if nothing had happened", () => {
    const [whole, resumed] = [shifted(), new ClassShift(3)];
    expect(resumed.remember([...whole.numbers(), 5])).toEqual([5]);
    for (let i = 0; i < 300; i++) {
      whole.add(i / 300, 2);
      resumed.add(i / 300, 2);
    }
    expect(resumed.moved(NAMES, 5)).toEqual(whole.moved(NAMES, 5));
    expect(resumed.mean()).toEqual(whole.mean());
  });
});
