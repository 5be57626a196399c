import { deployCopy, type ModelState, type Update } from "@everfresh/core";
import { describe, expect, it } from "vitest";
import { NonFiniteParameterError } from "../errors.ts";
import type { Sparsifier } from "./sparsifier.ts";
import { moveAtRandom, randomState, zeroState } from "./states.fixture.ts";

/** What a sparsifier may be excused from, with the reason in its name. */
export interface Exceptions {
  /**
   * Share of the first difference that may be left after 400 updates towards a state that rests.
   */
  readonly leaves?: number;
  /** Its updates lead away from a state that rests, on purpose. */
  readonly overshoots?: boolean;
}

/** What every sparsifier keeps. */
export function sparsifierConformance(
  name: string,
  make: () => Sparsifier,
  { leaves = 1e-3, overshoots = false }: Exceptions = {},
): void {
  describe(`${name} as a sparsifier`, () => {
    it("loses nothing: what updates have not moved is the difference of the two states", () => {
      const trained = randomState(1);
      const deployed = deployCopy(zeroState(), 0);
      const replica = deployCopy(zeroState(), 0);
      const sparsifier = make();
      // The residual memory of textbooks, beside: it takes in what θ moves and gives what is sent.
      const memory = Float64Array.from(trained.parameters);
      for (let step = 1; step <= 30; step++) {
        const before = deployed.state.parameters.slice();
        const update = publishNext(sparsifier, trained, deployed, step);
        if (update !== null) replica.apply(update);
        deployed.state.parameters.forEach(
          (now, i) => (memory[i] = (memory[i] ?? 0) - (now - (before[i] ?? 0))),
        );
        const old = trained.parameters.slice();
        moveAtRandom(trained, 100 + step, 0.05);
        trained.parameters.forEach(
          (now, i) => (memory[i] = (memory[i] ?? 0) + (now - (old[i] ?? 0))),
        );
      }
      expect(replica.fingerprint).toBe(deployed.fingerprint);
      memory.forEach((residual, i) => {
        const difference = (trained.parameters[i] ?? 0) - (deployed.state.parameters[i] ?? 0);
        expect(Math.abs(residual - difference)).toBeLessThanOrEqual(
          1e-9 * (1 + Math.abs(residual)),
        );
      });
    });

    it("brings the deployed state to a trained state that rests", () => {
      if (overshoots) return;
      const trained = randomState(2);
      const deployed = deployCopy(zeroState(), 0);
      const sparsifier = make();
      const first = distance(trained, deployed.state);
      for (let step = 0; step < 400; step++) publishNext(sparsifier, trained, deployed, step);
      expect(distance(trained, deployed.state)).toBeLessThan(leaves * first);
    });

    it("sends indices that ascend, each for a parameter that differs", () => {
      const trained = randomState(3);
      const deployed = deployCopy(zeroState(), 0);
      trained.parameters.fill(0, 100, 400);
      const sparsifier = make();
      for (let step = 0; step < 20; step++) {
        const { indices } = sparsifier.select(trained, deployed.state);
        const rest = [...indices].filter(
          (i) => trained.parameters[i] === deployed.state.parameters[i],
        );
        expect(rest).toEqual([]);
        publishNext(sparsifier, trained, deployed, step);
      }
    });

    it("goes on from a position as if it had not stopped", () => {
      const [whole, first, second] = [make(), make(), make()];
      const run = (sparsifier: Sparsifier, from: number, to: number, state: ModelState) => {
        const deployed = deployCopy(state, from);
        const sent: Update[] = [];
        for (let step = from; step < to; step++) {
          const update = publishNext(sparsifier, randomState(step + 10), deployed, step);
          if (update !== null) sent.push({ ...update, fromVersion: step, toVersion: step + 1 });
        }
        return { sent, state: deployed.state };
      };
      const all = run(whole, 0, 12, zeroState());
      const half = run(first, 0, 6, zeroState());
      // Through JSON, as in a checkpoint.
      const position: unknown = JSON.parse(JSON.stringify(first.position?.() ?? {}));
      second.restore?.(position as NonNullable<ReturnType<NonNullable<Sparsifier["position"]>>>);
      const rest = run(second, 6, 12, half.state);
      expect([...half.sent, ...rest.sent]).toEqual(all.sent);
      expect(second.position?.()).toEqual(whole.position?.());
    });

    it("leaves buffers alone, and refuses a parameter that is not finite", () => {
      const sparsifier = make();
      const trained = randomState(4);
      const deployed = deployCopy(zeroState(), 0);
      // Those that save up bytes may send nothing at first.
      for (let step = 0; step < 3; step++) publishNext(sparsifier, trained, deployed, step);
      new Float32Array(trained.buffer, trained.layout.tensors.at(-1)?.byteOffset, 4).fill(7);
      expect(sparsifier.select(trained, deployed.state).buffers).toEqual([]);
      for (const bad of [NaN, Infinity, -Infinity]) {
        trained.parameters[310] = bad;
        expect(() => sparsifier.select(trained, deployed.state)).toThrow(NonFiniteParameterError);
      }
    });
  });
}

/** Selects, publishes and applies as the training loop does; a second passes with every update. */
function publishNext(
  sparsifier: Sparsifier,
  trained: ModelState,
  deployed: ReturnType<typeof deployCopy>,
  second: number,
): Update | null {
  const change = sparsifier.select(trained, deployed.state);
  const atMs = 1_000 * (second + 1);
  if (change.indices.length === 0) {
    sparsifier.published?.(null, atMs);
    return null;
  }
  const update = deployed.updateFor(change);
  deployed.apply(update);
  const bytes = 60 + 3 * update.indices.length;
  sparsifier.published?.({ update, bytes, replayed: false }, atMs);
  return update;
}

function distance(a: ModelState, b: ModelState): number {
  return Math.hypot(...a.parameters.map((value, i) => value - (b.parameters[i] ?? 0)));
}
