import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openSampleUses } from "./sample-uses.ts";

const directory = mkdtempSync(path.join(tmpdir(), "everfresh-uses-"));
afterAll(() => rmSync(directory, { recursive: true }));

describe("uses of samples", () => {
  it("are found by position, also when opened again, and those that did not happen are not", async () => {
    const file = path.join(directory, "uses.sqlite");
    const step = { isCold: false, epochs: 1 };
    {
      using uses = openSampleUses({ file });
      expect(uses.first()).toBeNull();
      uses.add({ ...step, step: 1, version: 0, samples: { positions: [8, 9, 3] } });
      uses.add({ ...step, step: 2, version: 1, samples: { positions: [10, 11, 3] } });
      const ranges = [
        { from: 0, to: 3 },
        { from: 4, to: 12 },
      ];
      uses.add({ step: 3, version: 2, isCold: true, epochs: 5, samples: { ranges } });
      uses.add({ ...step, step: 4, version: 3, samples: { positions: [3] } });
      uses.forgetAfter(3);
    }
    using uses = openSampleUses({ file });
    expect(uses.first()).toBe(1);
    const cold = { step: 3, version: 2, isCold: true, times: 0 };
    expect(await uses.of(3)).toEqual([
      { step: 1, version: 0, isCold: false, times: 1 },
      { step: 2, version: 1, isCold: false, times: 1 },
      cold,
    ]);
    expect(await uses.of(4)).toEqual([{ ...cold, times: 5 }]);
    expect(await uses.of(12)).toEqual([cold]);
  });

  it("are found among more than a look takes at a time", async () => {
    using uses = openSampleUses({ file: path.join(directory, "many.sqlite") });
    for (let step = 1; step <= 4_500; step++) {
      const positions = step % 1_500 === 0 ? [7, 7] : [step + 10];
      uses.add({ step, version: step, isCold: false, epochs: 1, samples: { positions } });
    }
    const found = await uses.of(7);
    expect(found.map(({ step, times }) => [step, times])).toEqual([
      ...[1_500, 3_000, 4_500].map((step) => [step, 2]),
    ]);
  });
});
