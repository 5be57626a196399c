/** What the training loop does for sparsifiers that remember something. */
import { ManualClock } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import type { Published } from "./publisher.ts";
import type { Sparsifier } from "./sparsifiers/sparsifier.ts";
import { sparsifierOf } from "./sparsifiers/sparsifier-of.ts";
import type { SparsifierSpec } from "./sparsifiers/sparsifier-spec.ts";
import { topK } from "./sparsifiers/top-k.ts";
import { emptyStores, optionsOn, run } from "./trainer.fixture.ts";

const TENTH = { kind: "ratio", ratio: 0.1 } as const;

const SPECS: readonly (readonly [string, SparsifierSpec])[] = [
  ["randomK", { kind: "randomK", unbiased: false, amount: TENTH, valueType: "float16" }],
  ["qsgd", { kind: "qsgd", bits: 3, unbiased: false }],
  [
    "topK by bytes per update",
    {
      ...{ kind: "topK", scope: "global", valueType: "int8" },
      ...{ amount: { kind: "bytesPerUpdate", bytes: 140 } },
    },
  ],
];

describe("a resumed run", () => {
  it.each(SPECS)("goes on with the updates of %s that would have followed", async (_name, spec) => {
    const make = (): Sparsifier => sparsifierOf(spec, { seed: 4 });
    const whole = emptyStores();
    await run(await optionsOn(whole, { maxSteps: 30, sparsifier: make() }));
    expect(whole.publisher.log.length).toBeGreaterThan(25);

    const halves = emptyStores();
    await run(await optionsOn(halves, { maxSteps: 13, sparsifier: make() }));
    await run(await optionsOn(halves, { maxSteps: 30, sparsifier: make() }));
    expect(halves.publisher.log).toEqual(whole.publisher.log);
    expect(await halves.checkpoints.latest()).toEqual(await whole.checkpoints.latest());
  });

  it.each(SPECS)("after a crash makes the logged updates of %s again", async (_name, spec) => {
    const make = (): Sparsifier => sparsifierOf(spec, { seed: 4 });
    const whole = emptyStores();
    await run(await optionsOn(whole, { maxSteps: 30, sparsifier: make() }));
    const stores = emptyStores();
    const options = await optionsOn(stores, { checkpointEvery: 10, sparsifier: make() });
    const crash = new Error("crash");
    const { publisher } = stores;
    const crashing = {
      publish: (update: Parameters<typeof publisher.publish>[0]): Promise<Published> =>
        update.toVersion === 17 ? Promise.reject(crash) : publisher.publish(update),
    };
    await expect(run({ ...options, publisher: crashing })).rejects.toThrow(crash);
    const again = await run(await optionsOn(stores, { maxSteps: 30, sparsifier: make() }));
    expect(again.filter(({ replayed }) => replayed)).not.toEqual([]);
    expect(again.filter(({ replayDiffered }) => replayDiffered)).toEqual([]);
    expect(stores.publisher.log).toEqual(whole.publisher.log);
  });
});

describe("the training loop", () => {
  it("tells the sparsifier after every step what was published, as of when it was decided", async () => {
    const inner = topK({ ratio: 0.1 });
    const told: (readonly [number | null, number])[] = [];
    let step = 0;
    const clock = new ManualClock(1_000);
    const sparsifier: Sparsifier = {
      unsendable: 0,
      select: (trained, deployed) => {
        clock.advance(10);
        const change = inner.select(trained, deployed);
        const nothing = { indices: new Uint32Array(0), values: new Float32Array(0), buffers: [] };
        return ++step === 2 ? { ...change, ...nothing } : change;
      },
      published: (published, atMs) => told.push([published?.bytes ?? null, atMs]),
    };
    const reports = await run(await optionsOn(emptyStores(), { maxSteps: 3, sparsifier, clock }));
    expect(told).toEqual([
      [reports[0]?.updateBytes, 1_000],
      [null, 1_010],
      [reports[2]?.updateBytes, 1_020],
    ]);
  });
});
