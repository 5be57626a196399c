import { describe, expect, it } from "vitest";
import { classes } from "./sample.ts";

describe("classes", () => {
  it("are called by their numbers, or by the names that are given", () => {
    expect(classes(3)).toEqual({ kind: "classes", count: 3, labels: ["0", "1", "2"] });
    expect(classes(2, ["down", "up"]).labels).toEqual(["down", "up"]);
  });

  it("are two or more, with a name for each", () => {
    for (const count of [1, 0, -2, 2.5, NaN]) expect(() => classes(count)).toThrow(RangeError);
    expect(() => classes(3, ["a", "b"])).toThrow("classes(3) got 2 names");
  });
});
