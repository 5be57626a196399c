import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { openSampleUses, type SampleUses } from "@everfresh/streams";
import type { LogReading } from "@everfresh/sync/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { learnedVersions } from "./learned-versions.ts";

const POSITION = 5;

let folder = "";
let uses: SampleUses;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "everfresh-learned-"));
  uses = openSampleUses({ file: path.join(folder, "uses.sqlite") });
});
afterEach(() => {
  uses[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

/** A log up to a version, with rollbacks, and the versions at which its model had other tensors. */
function logOf(
  head: number,
  rollbacks: readonly (readonly [version: number, toVersion: number])[] = [],
  generations: readonly (readonly [firstVersion: number, tensors: string])[] = [[0, "a"]],
): LogReading {
  const log: Partial<LogReading> = {
    entries: () => Promise.resolve([{ version: head } as never]),
    rollbacks: () =>
      Promise.resolve(rollbacks.map(([version, toVersion]) => ({ version, toVersion }) as never)),
    generation: (version = head) => {
      const number = generations.filter(([first]) => first <= version).length;
      const [firstVersion, tensors] = generations[number - 1] ?? [0, ""];
      const manifest = { layout: { tensors } };
      return Promise.resolve({ number, firstVersion, manifest } as never);
    },
  };
  return log as LogReading;
}

/** Steps of one version each; those of `used` train on the sample. */
function stepsUntil(last: number, used: readonly number[]): void {
  for (let step = 1; step <= last; step++) {
    const positions = used.includes(step) ? [POSITION, 1_000] : [1_000 + step];
    uses.add({ step, version: step - 1, isCold: false, epochs: 1, samples: { positions } });
  }
}

const learned = (log: LogReading) => learnedVersions(POSITION, { uses, log });

describe("the versions that have learned from a sample", () => {
  it("are those from its first use on, and each use is counted", async () => {
    stepsUntil(9, [3, 7]);
    expect(await learned(logOf(9))).toEqual({
      versions: [{ from: 3, to: 9 }],
      uses: [
        { version: 3, step: 3, times: 1 },
        { version: 7, step: 7, times: 1 },
      ],
      sinceStep: 1,
    });
    // A step that is decided and not done yet has no version.
    expect((await learned(logOf(2))).versions).toEqual([]);
  });

  it("are none where it was never used", async () => {
    stepsUntil(4, []);
    expect(await learned(logOf(4))).toEqual({ versions: [], uses: [], sinceStep: 1 });
  });

  it("end with a rollback to an earlier version, and begin with one to a later one", async () => {
    stepsUntil(10, [3]);
    const log = logOf(14, [
      [11, 2],
      [12, 6],
      [13, 11],
    ]);
    expect((await learned(log)).versions).toEqual([
      { from: 3, to: 10 },
      { from: 12, to: 12 },
    ]);
  });

  it("end with a retraining from the initial weights that does without it", async () => {
    stepsUntil(4, [2]);
    const cold = { isCold: true, epochs: 3 };
    const without = { ranges: [{ from: 0, to: POSITION }] };
    uses.add({ ...cold, step: 5, version: 4, samples: without });
    uses.add({ ...cold, step: 6, version: 5, samples: { ranges: [{ from: 0, to: 9 }] } });
    const { versions, uses: found } = await learned(logOf(6));
    expect(versions).toEqual([
      { from: 2, to: 4 },
      { from: 6, to: 6 },
    ]);
    expect(found.at(-1)).toEqual({ version: 6, step: 6, times: 3 });
  });

  it("end where another model begins, not where only its labels change", async () => {
    stepsUntil(9, [2]);
    const log = logOf(
      12,
      [],
      [
        [0, "a"],
        [5, "a"],
        [10, "b"],
      ],
    );
    expect((await learned(log)).versions).toEqual([{ from: 2, to: 9 }]);
  });
});
