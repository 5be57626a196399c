import { ManualClock } from "@everfresh/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { madeFacts } from "../samplers/sampler.conformance.ts";
import { countOf, type Iteration, samplesAfter } from "./iteration.ts";
import type { Strategy, StrategyCheckpoint, StrategyEvent } from "./strategy.ts";
import { strategyOf, type StrategyOptions } from "./strategy-of.ts";
import type { StrategySpec } from "./strategy-spec.ts";

/** One thing that happens to a strategy; more samples than there is room for do not arrive. */
type Happening =
  | { readonly kind: "event"; readonly event: StrategyEvent }
  | { readonly kind: "wait"; readonly ms: number };

const PAST = 40;

const happenings: fc.Arbitrary<readonly Happening[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 1, max: 30 }).map(arrivedOf) },
    { weight: 2, arbitrary: fc.nat(20_000).map((ms): Happening => ({ kind: "wait", ms })) },
    fc
      .record({
        samples: fc.integer({ min: 1, max: 9 }),
        score: fc.double({ min: 0, max: 1, noNaN: true }),
      })
      .map((tested): Happening => ({ kind: "event", event: { kind: "tested", ...tested } })),
    fc
      .record(
        {
          verdict: fc.constantFrom("stable" as const, "warning" as const, "drift" as const),
          record: fc.integer({ min: 1, max: 4 }),
          outcome: fc.constantFrom(...(["open", "confirmed", "withdrawn", "unsettled"] as const)),
          since: fc.option(fc.nat(250)),
        },
        { requiredKeys: ["verdict"] },
      )
      .map((verdict): Happening => ({ kind: "event", event: { kind: "verdict", ...verdict } })),
    fc
      .record({ queries: fc.nat(50), totalMs: fc.nat(500) })
      .map((served): Happening => ({ kind: "event", event: { kind: "served", ...served } })),
  ),
  { minLength: 1, maxLength: 40 },
);

/** A process that has a strategy, in a world where time passes only when told. */
class World {
  readonly clock: ManualClock = new ManualClock(1_700_000_000_000);
  readonly iterations: Iteration[] = [];
  strategy: Strategy;
  readonly #spec: StrategySpec;

  constructor(spec: StrategySpec, seed: number) {
    this.#spec = spec;
    this.strategy = strategyOf(spec, { ...this.#options(), seed });
  }

  async happens(happening: Happening): Promise<void> {
    if (happening.kind === "wait") this.clock.advance(happening.ms);
    else this.strategy.on(this.#possible(happening.event));
    await this.train();
  }

  /** What is due, but no more than a few: some strategies always want to go on. */
  async train(atEnd = false): Promise<void> {
    for (let i = 0; i < 3; i++) {
      if (!(await this.begin(atEnd))) return;
      this.end();
    }
  }

  /** Whether an iteration has begun. */
  async begin(atEnd = false): Promise<boolean> {
    const { isDue } = this.strategy.decide(atEnd);
    const iteration = await this.strategy.next(atEnd);
    expect(iteration !== null).toBe(isDue);
    if (iteration !== null) this.iterations.push(iteration);
    return iteration !== null;
  }

  end(): void {
    this.clock.advance(7);
    this.strategy.on({ kind: "ended", samples: 32, durationMs: 7 });
  }

  /** The process dies, and another one starts from a stored checkpoint. */
  restart(): void {
    const stored = storedAndRead(this.strategy.checkpoint());
    this.strategy = strategyOf(this.#spec, { ...this.#options(), seed: 999, checkpoint: stored });
  }

  #options(): Omit<StrategyOptions, "seed"> {
    const facts = (from: number, to: number) => Promise.resolve(madeFacts(from, to));
    return { clock: this.clock, history: { facts }, past: PAST };
  }

  #possible(event: StrategyEvent): StrategyEvent {
    if (event.kind !== "arrived") return event;
    const samples = Math.min(event.samples, this.strategy.room);
    return { ...event, samples, eventTimeMs: this.clock.nowMs() };
  }
}

/** What every strategy keeps. */
export function strategyConformance(name: string, spec: StrategySpec): void {
  describe(`${name} as a strategy`, () => {
    it("takes up every sample once, in order, and trains on nothing that it does not know", async () => {
      await fc.assert(
        fc.asyncProperty(happenings, fc.nat(), async (script, seed) => {
          const world = new World(spec, seed);
          for (const happening of script) {
            await world.happens(happening);
            expect(world.strategy.room).toBeGreaterThanOrEqual(0);
          }
          let past = PAST;
          for (const iteration of world.iterations) {
            expect(iteration.past).toBe(past);
            past = samplesAfter(iteration);
            expectKnown(iteration);
          }
          expect(world.strategy.past).toBe(past);
          expect(world.strategy.samples).toBeGreaterThanOrEqual(past);
          expect(world.strategy.iterations).toBe(world.iterations.length);
        }),
        { numRuns: 60 },
      );
    });

    it("comes to the same iterations for the same seed and events", async () => {
      await fc.assert(
        fc.asyncProperty(happenings, fc.nat(), async (script, seed) => {
          const [one, other] = [new World(spec, seed), new World(spec, seed)];
          for (const world of [one, other]) {
            for (const happening of script) await world.happens(happening);
          }
          expect(other.iterations).toEqual(one.iterations);
          expect(other.strategy.checkpoint()).toEqual(one.strategy.checkpoint());
        }),
        { numRuns: 30 },
      );
    });

    it("goes on from a checkpoint made anywhere with the iterations that would have followed", async () => {
      const crashes = fc.array(fc.nat(39), { maxLength: 4 });
      await fc.assert(
        fc.asyncProperty(happenings, fc.nat(), crashes, async (script, seed, crashesAt) => {
          const [one, other] = [new World(spec, seed), new World(spec, seed)];
          for (const [i, happening] of script.entries()) {
            await one.happens(happening);
            if (crashesAt.includes(i)) other.restart();
            await other.happens(happening);
          }
          expect(other.iterations).toEqual(one.iterations);
          expect(withoutWaiting(other.strategy)).toEqual(withoutWaiting(one.strategy));
        }),
        { numRuns: 60 },
      );
    });

    it("knows after a restart that an iteration runs, and waits for its end", async () => {
      const [one, other] = [new World(spec, 5), new World(spec, 5)];
      for (let i = 0; i < 40; i++) {
        for (const world of [one, other]) {
          world.clock.advance(10_000);
          world.strategy.on({ kind: "tested", samples: 4, score: i % 16 < 8 ? 1 : 0 });
          world.strategy.on({ kind: "verdict", verdict: "drift" });
          const samples = Math.min(9, world.strategy.room);
          world.strategy.on({ kind: "arrived", samples, eventTimeMs: world.clock.nowMs() });
          const hasBegun = await world.begin();
          if (world === other) world.restart();
          expect(world.strategy.isRunning).toBe(hasBegun);
          if (!hasBegun) continue;
          expect(world.strategy.decide().isDue).toBe(false);
          expect(await world.strategy.next()).toBeNull();
          world.end();
          expect(world.strategy.isRunning).toBe(false);
        }
      }
      expect(other.iterations).toEqual(one.iterations);
      expect(one.iterations.length > 0).toBe(spec.kind !== "frozen");
    });

    it("has everything that it says as plain data", async () => {
      const world = new World(spec, 3);
      for (let i = 0; i < 20; i++) await world.happens(arrivedOf(8));
      expect(storedAndRead(world.strategy.checkpoint())).toEqual(world.strategy.checkpoint());
      expect(JSON.parse(JSON.stringify(world.iterations))).toEqual(world.iterations);
      expect(JSON.parse(JSON.stringify(spec))).toEqual(spec);
    });
  });
}

function arrivedOf(samples: number): Happening {
  return { kind: "event", event: { kind: "arrived", samples } };
}

function expectKnown(iteration: Iteration): void {
  const known = samplesAfter(iteration);
  if (iteration.kind === "step") {
    const { positions } = iteration;
    expect(positions.length).toBeGreaterThan(0);
    expect(new Set(positions).size).toBe(positions.length);
    expect(positions.every((at) => Number.isSafeInteger(at) && at >= 0 && at < known)).toBe(true);
    return;
  }
  expect(countOf(iteration.samples)).toBeGreaterThan(0);
  expect(iteration.samples.at(-1)?.to).toBeLessThanOrEqual(known);
}

/** How long samples waited is not known after a restart. */
function withoutWaiting(strategy: Strategy): StrategyCheckpoint {
  return { ...strategy.checkpoint(), intake: null };
}

/** As a disk would give it back. */
function storedAndRead({ sampler, ...rest }: StrategyCheckpoint): StrategyCheckpoint {
  const read = JSON.parse(JSON.stringify(rest)) as Omit<StrategyCheckpoint, "sampler">;
  return { ...read, sampler: sampler?.slice() ?? null };
}
