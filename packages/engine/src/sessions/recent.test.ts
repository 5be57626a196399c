import { describe, expect, it } from "vitest";
import { Recent } from "./recent.ts";

describe("Recent", () => {
  it("makes values once and drops what was not used for longest", () => {
    const dropped: string[] = [];
    const recent = new Recent<number, string>(2, (value) => dropped.push(value));
    let made = 0;
    const get = (key: number): string => recent.get(key, () => `${key}.${made++}`);
    expect([get(1), get(2), get(1), get(3), get(1), get(2)]).toEqual([
      "1.0",
      "2.1",
      "1.0",
      "3.2",
      "1.0",
      "2.3",
    ]);
    expect(dropped).toEqual(["2.1", "3.2"]);
    recent.forget(1);
    recent.forget(7);
    expect(dropped).toEqual(["2.1", "3.2", "1.0"]);
  });
});
