import { cloneState, ManualClock, type ModelState } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LinearSession } from "../linear-session.fixture.ts";
import { compareStrategies } from "./compare-strategies.ts";
import type { Follower } from "./follower.ts";
import { StrategyRun } from "./strategy-run.ts";
import {
  compared,
  PAST,
  pastOf,
  pointsModel,
  runOptions,
  streamed,
} from "./strategy-run.fixture.ts";
import type { ScoredPredictions } from "./strategy-run-options.ts";
import { frozen, fullRetraining, online, proactive, type StrategySpec } from "./strategy-spec.ts";

const b = 32;
const trigger = { kind: "byCount", samples: 70 } as const;

const SPECS: Readonly<Record<string, StrategySpec>> = {
  frozen: frozen(),
  online: online({ batchSize: b }),
  "PR-8": proactive({ triggerSize: 8, batchSize: b }),
  "t = 0": proactive({ triggerSize: 0, batchSize: b, trigger: { kind: "byCount", samples: 5 } }),
  balanced: proactive({ triggerSize: 4, batchSize: b, sampler: { kind: "classBalanced" } }),
  "by drop": fullRetraining({
    trigger: { kind: "byPerformanceDrop", windowSamples: 32, below: 0.9, since: "training" },
    start: "warm",
    epochs: 1,
    batchSize: b,
  }),
  cold: fullRetraining({ trigger, start: "cold", epochs: 2, batchSize: b }),
};

/** Bytes of what the sessions have come to. */
function statesOf(strategies: readonly { readonly session: LinearSession }[]) {
  return strategies.map(({ session }) => session.checkpoint());
}

describe("strategies side by side", () => {
  const size = 203;

  it("come to the states and scores that each comes to alone", async () => {
    const together = compared(SPECS);
    const stream = await streamed(PAST, size);
    const standings = await compareStrategies({
      ...(await runOptions({ strategies: together })),
      stream,
    });
    for (const [i, own] of compared(SPECS).entries()) {
      const [alone] = await compareStrategies({
        ...(await runOptions({ strategies: [own] })),
        stream,
      });
      expect(alone).toEqual(standings[i]);
      expect(own.session.checkpoint()).toEqual(together[i]?.session.checkpoint());
    }
    const again = compared(SPECS);
    await compareStrategies({ ...(await runOptions({ strategies: again })), stream });
    expect(statesOf(again)).toEqual(statesOf(together));
  });

  it("train as they say, and learn", async () => {
    const strategies = compared(SPECS);
    const options = await runOptions({ strategies });
    const stream = await streamed(PAST, size);
    const standings = await compareStrategies({ ...options, stream });
    expect(standings.map(({ name, iterations, costs }) => [name, iterations, costs.steps])).toEqual(
      [
        ["frozen", 0, 0],
        ["online", 7, 7],
        ["PR-8", 26, 26],
        ["t = 0", 40, 40],
        ["balanced", 51, 51],
        ["by drop", expect.any(Number), expect.any(Number)],
        ["cold", 2, 2 * 5 + 2 * 7],
      ],
    );
    const accuracies = standings.map(({ states }) => states[0]?.scores.cumulative.accuracy ?? 0);
    const [still = 1, ...trained] = accuracies;
    for (const accuracy of trained) expect(accuracy).toBeGreaterThan(still + 0.1);
    expect(standings.every(({ states }) => states[0]?.scores.samples === size)).toBe(true);
    expect(options.history.count()).toBe(PAST + size);
  });

  it("follow θ with other states, which are scored beside it and whose costs are counted", async () => {
    const strategies = compared({ "PR-8": proactive({ triggerSize: 8, batchSize: b }) });
    const still: Follower = {
      name: "still",
      state: cloneState(pointsModel.state),
      follow: () => undefined,
    };
    const copy: ModelState = cloneState(pointsModel.state);
    const numbers: number[] = [];
    const exact: Follower = {
      name: "exact",
      state: copy,
      follow: async ({ number, theta }) => {
        await Promise.resolve();
        numbers.push(number);
        copy.parameters.set(theta.parameters);
        return { selectSeconds: 1, encodeSeconds: 2 };
      },
    };
    const scored: ScoredPredictions[] = [];
    const options = await runOptions({
      strategies: strategies.map((each) => ({ ...each, followers: [still, exact] })),
      onScored: (each) => scored.push(each),
    });
    const stream = await streamed(PAST, 100);
    const [standing] = await compareStrategies({ ...options, stream });
    const [plain] = await compareStrategies({
      ...(await runOptions({ strategies: compared({ frozen: frozen() }) })),
      stream,
    });
    expect(standing?.states.map(({ name }) => name)).toEqual(["theta", "still", "exact"]);
    const [theta, asBefore, asTheta] = standing?.states ?? [];
    expect(asTheta?.scores).toEqual(theta?.scores);
    expect(asBefore?.scores).toEqual(plain?.states[0]?.scores);
    expect(asBefore?.scores).not.toEqual(theta?.scores);
    expect(numbers).toEqual(Array.from({ length: 13 }, (_, i) => i + 1));
    expect(standing?.costs).toMatchObject({ selectSeconds: 13, encodeSeconds: 26, steps: 13 });
    for (const state of standing?.states ?? []) {
      const own = scored.filter((each) => each.state === state.name);
      expect(own.flatMap(({ from, hits }) => Array.from(hits, (_, i) => from + i))).toEqual(
        Array.from({ length: 100 }, (_, n) => n),
      );
      const hits = own.flatMap((each) => [...each.hits]).filter((hit) => hit === 1);
      expect(hits.length / 100).toBe(state.scores.cumulative.accuracy);
    }
  });

  it("go on from a checkpoint made anywhere, labels on their way included", async () => {
    const stream = await streamed(PAST, 120);
    await fc.assert(
      fc.asyncProperty(fc.nat(120), fc.constantFrom(0, 7, 40), async (at, lagSamples) => {
        const whole = compared(SPECS);
        const options = { ...(await runOptions({ strategies: whole })), lagSamples };
        const expected = await compareStrategies({ ...options, stream });

        const first = new StrategyRun({
          ...(await runOptions({ strategies: compared(SPECS) })),
          lagSamples,
        });
        for (const sample of stream.slice(0, at)) await first.arrive(sample);
        const checkpoint = await first.checkpoint();
        const resumed = compared(SPECS).map((own, i) => {
          const training = checkpoint.strategies[i]?.training;
          return { ...own, session: new LinearSession(pointsModel, training) };
        });
        const second = await runOptions({
          strategies: resumed,
          history: await pastOf(PAST + checkpoint.labelled),
          lagSamples,
          checkpoint,
        });
        const rest = stream.slice(checkpoint.labelled);
        const standings = await compareStrategies({ ...second, stream: rest });
        expect(statesOf(resumed)).toEqual(statesOf(whole));
        expect(standings).toEqual(expected);
      }),
      { numRuns: 12 },
    );
  });

  it("refuses names that are not distinct, and a checkpoint of other strategies", async () => {
    const [one, other] = compared({ one: frozen(), other: frozen() });
    if (one === undefined || other === undefined) return;
    const twice = await runOptions({ strategies: [one, { ...other, name: "one" }] });
    expect(() => new StrategyRun(twice)).toThrow("a name of its own");
    const none = await runOptions({ strategies: [] });
    expect(() => new StrategyRun(none)).toThrow("one or more");
    const checkpoint = await new StrategyRun(await runOptions({ strategies: [one] })).checkpoint();
    const renamed = await runOptions({ strategies: [other], checkpoint });
    expect(() => new StrategyRun(renamed)).toThrow("Cannot resume: the name of a strategy");
    const shorter = await runOptions({ strategies: [one], checkpoint, history: await pastOf(3) });
    expect(() => new StrategyRun(shorter)).toThrow("the number of samples in the history");
  });
});

describe("a run", () => {
  it("waits for a budget while its source has to wait, and counts that", async () => {
    const clock = new ManualClock(1_000);
    const sleeps: number[] = [];
    const budgets = [{ kind: "everyMs", ms: 500 }] as const;
    const strategies = compared({ slow: proactive({ triggerSize: 8, batchSize: b, budgets }) });
    const options = await runOptions({
      strategies,
      clock,
      sleep: (ms) => {
        sleeps.push(ms);
        clock.advance(ms);
        return Promise.resolve();
      },
    });
    const stream = await streamed(PAST, 36);
    const [standing] = await compareStrategies({ ...options, stream });
    expect(standing?.iterations).toBe(5);
    expect(sleeps).toEqual([500, 500, 500, 500]);
    expect(standing?.intake).toMatchObject({ taken: 36, blockedMs: 1_500, waiting: 0 });
  });

  it("tells triggers how good predictions are, of as many labels as it was asked to", async () => {
    const spec = fullRetraining({
      trigger: { kind: "byPerformanceDrop", windowSamples: 10, below: 2, since: "training" },
      start: "warm",
      epochs: 1,
      batchSize: b,
    });
    const arrivals: number[] = [];
    const options = await runOptions({
      strategies: compared({ spec }),
      testedEvery: 10,
      onIteration: (_, { iteration }) => {
        arrivals.push(iteration.past + iteration.fresh - PAST);
      },
    });
    await compareStrategies({ ...options, stream: await streamed(PAST, 45) });
    expect(arrivals).toEqual([10, 20, 30, 40]);
  });

  it("trains when the caller tells of a drift", async () => {
    const spec = fullRetraining({
      trigger: { kind: "byDriftVerdict", from: "drift" },
      start: "cold",
      epochs: 1,
      batchSize: b,
    });
    const run = new StrategyRun(await runOptions({ strategies: compared({ spec }) }));
    for (const sample of await streamed(PAST, 20)) await run.arrive(sample);
    expect(run.standings()[0]?.iterations).toBe(0);
    await run.tell({ kind: "verdict", verdict: "drift" });
    expect(run.standings()[0]?.iterations).toBe(1);
  });

  it("ends when it is told to", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    const strategies = compared({ "PR-8": proactive({ triggerSize: 8, batchSize: b }) });
    const options = await runOptions({
      strategies,
      signal: stop.signal,
      onIteration: (_, { number }) => {
        if (number === 2) stop.abort(reason);
      },
    });
    const running = compareStrategies({ ...options, stream: await streamed(PAST, 100) });
    await expect(running).rejects.toBe(reason);
    expect(strategies[0]?.session.optimizerStep).toBe(2);
  });
});
