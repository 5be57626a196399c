import { cloneState, Random } from "@everfresh/core";
import type { Model, StepResult, TrainingBatch, TrainingOptions } from "@everfresh/engine";
import { describe, expect, it } from "vitest";
import { type ReconstructionCheckpoint, ReconstructionSignal } from "./reconstruction-signal.ts";
import type { ReconstructionSpec } from "./reconstruction-spec.ts";
import type { EncoderSession, OpenSession } from "./sample-encoder.ts";

const FEATURES = 3;
const SPEC: ReconstructionSpec = {
  referenceSamples: 100,
  delaySamples: 40,
  steps: 30,
  batchSize: 8,
};

/** Learns one thing: the first row of the first batch; makes that of every row. */
class FirstRowSession implements EncoderSession {
  readonly state: EncoderSession["state"];
  readonly #gate: Promise<void>;
  readonly #steps: { count: number };
  isOpen = true;

  constructor(
    model: Model,
    options: TrainingOptions,
    gate: Promise<void>,
    steps: { count: number },
  ) {
    this.state = cloneState(model.state);
    if (options.checkpoint) new Uint8Array(this.state.buffer).set(options.checkpoint.state);
    this.#gate = gate;
    this.#steps = steps;
  }

  async step({ inputs, targets, size }: TrainingBatch): Promise<StepResult> {
    await this.#gate;
    expect(targets).toBe(inputs);
    expect(inputs).toHaveLength(size * FEATURES);
    if (this.#steps.count++ === 0) this.state.parameters.set(inputs.subarray(0, FEATURES));
    return { loss: 0, stepMs: 0 };
  }

  predict(
    state: EncoderSession["state"],
    _inputs: Float32Array,
    size: number,
  ): Promise<Float32Array> {
    const row = state.parameters.subarray(0, FEATURES);
    return Promise.resolve(
      Float32Array.from({ length: size * FEATURES }, (_, i) => row[i % FEATURES] ?? NaN),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.isOpen = false;
    return Promise.resolve();
  }
}

/** Opens such sessions; training waits for `gate`. */
function opener(gate: Promise<void> = Promise.resolve()): {
  readonly open: OpenSession;
  readonly sessions: FirstRowSession[];
} {
  const sessions: FirstRowSession[] = [];
  return {
    sessions,
    open: (model, options) => {
      const session = new FirstRowSession(model, options, gate, { count: 0 });
      sessions.push(session);
      return Promise.resolve(session);
    },
  };
}

function rowsOf(count: number, seed: number, center = 5): Float64Array {
  const random = new Random(seed);
  return Float64Array.from({ length: count * FEATURES }, () => random.normal(center, 2));
}

/** Errors of all rows, taken in in pieces of some sizes. */
async function play(
  signal: ReconstructionSignal,
  rows: Float64Array,
  pieces: readonly number[],
): Promise<readonly number[]> {
  const errors: number[] = [];
  const total = rows.length / FEATURES;
  for (let from = 0, i = 0; from < total; i++) {
    const count = Math.min(pieces[i % pieces.length] ?? 1, total - from);
    const part = rows.subarray(from * FEATURES, (from + count) * FEATURES);
    errors.push(...(await signal.errors(part, count)));
    from += count;
  }
  return errors;
}

function make(
  options: {
    readonly spec?: ReconstructionSpec;
    readonly checkpoint?: ReconstructionCheckpoint;
  } = {},
  { open } = opener(),
): ReconstructionSignal {
  return new ReconstructionSignal({ features: FEATURES, spec: SPEC, open, ...options });
}

describe("the reconstruction signal", () => {
  it("has errors exactly from the row at which the encoder takes effect, in whatever pieces", async () => {
    const rows = rowsOf(200, 1);
    await using whole = make();
    const errors = await play(whole, rows, [200]);
    expect(errors.findIndex((error) => !Number.isNaN(error))).toBe(140);
    expect(errors.slice(140).every((error) => error > 0)).toBe(true);
    for (const pieces of [[1], [7], [139, 1, 60], [3, 50]]) {
      await using signal = make();
      expect(await play(signal, rows, pieces)).toEqual(errors);
    }
  });

  it("does not depend on when training ends", async () => {
    const rows = rowsOf(180, 2);
    await using quick = make();
    const expected = await play(quick, rows, [10]);
    let finish = (): void => undefined;
    const gate = new Promise<void>((resolve) => (finish = resolve));
    await using slow = make({}, opener(gate));
    const first = await play(slow, rows.subarray(0, 140 * FEATURES), [10]);
    expect(slow.rowsToCome).toBe(0);
    const pending = play(slow, rows.subarray(140 * FEATURES), [10]);
    finish();
    expect([...first, ...(await pending)]).toEqual(expected);
  });

  it("goes on from a checkpoint at any row with the same errors", async () => {
    const rows = rowsOf(170, 3);
    await using whole = make();
    const expected = await play(whole, rows, [5]);
    for (const at of [0, 60, 100, 120, 140, 155]) {
      const before = make();
      await play(before, rows.subarray(0, at * FEATURES), [5]);
      const checkpoint = structuredClone(before.checkpoint());
      await before[Symbol.asyncDispose]();
      await using after = make({ checkpoint });
      expect(after.checkpoint()).toEqual(checkpoint);
      const rest = await play(after, rows.subarray(at * FEATURES), [5]);
      expect(rest).toEqual(expected.slice(at));
    }
  });

  it("starts anew when it is pinned, and ends what it had begun", async () => {
    const { open, sessions } = opener();
    await using signal = make({}, { open, sessions });
    await play(signal, rowsOf(150, 4), [10]);
    signal.pin();
    expect(signal.rowsToCome).toBe(140);
    const rows = rowsOf(150, 5, -5);
    const errors = await play(signal, rows, [10]);
    expect(errors.findIndex((error) => !Number.isNaN(error))).toBe(140);
    signal.pin();
    await play(signal, rows.subarray(0, 110 * FEATURES), [10]);
    signal.pin();
    await play(signal, rows, [10]);
    // Other batches and other first weights, but the same for the same generation.
    expect(sessions.map(({ isOpen }) => isOpen)).toEqual([false, false, false, true]);
    expect(signal.checkpoint().generation).toBe(3);
  });

  it("looks at one row in so many, of which it learns and takes effect", async () => {
    await using signal = make({ spec: { ...SPEC, everySamples: 3 } });
    const errors = await play(signal, rowsOf(450, 6), [8]);
    const found = [...errors.keys()].filter((i) => !Number.isNaN(errors[i]));
    expect(found).toEqual([420, 423, 426, 429, 432, 435, 438, 441, 444, 447]);
  });

  it("takes a missing number for the mean, and has no error for a row of nothing else", async () => {
    await using signal = make();
    const rows = rowsOf(160, 7);
    for (let i = 0; i < 100; i += 9) rows[i * FEATURES] = NaN;
    rows.fill(NaN, 150 * FEATURES, 151 * FEATURES);
    rows[152 * FEATURES] = Infinity;
    rows[153 * FEATURES] = 1e30;
    const errors = await play(signal, rows, [16]);
    const undefinedAt = [...errors.keys()].filter((i) => Number.isNaN(errors[i]));
    expect(undefinedAt).toEqual([...Array.from({ length: 140 }, (_, i) => i), 150]);
    expect(errors[153]).toBeLessThan(100);
  });

  it("says so when training fails, once the encoder is needed", async () => {
    const open: OpenSession = () => Promise.reject(new Error("no worker"));
    const signal = make({}, { open, sessions: [] });
    await play(signal, rowsOf(140, 8), [10]);
    await expect(signal.errors(rowsOf(1, 9), 1)).rejects.toThrow("no worker");
    signal.pin();
    await play(signal, rowsOf(20, 8), [10]);
  });

  it("refuses what does not fit", async () => {
    const { open } = opener();
    const options = { features: FEATURES, open };
    expect(() => new ReconstructionSignal({ ...options, spec: { referenceSamples: 9 } })).toThrow(
      "referenceSamples must be a whole number from 100",
    );
    expect(() => new ReconstructionSignal({ ...options, spec: { learningRate: 0 } })).toThrow(
      "learningRate must be a finite number above 0",
    );
    const signal = make();
    await expect(signal.errors([1, 2], 1)).rejects.toThrow("rows must be 1 rows of 3 numbers");
    await play(signal, rowsOf(20, 1), [10]);
    const checkpoint = signal.checkpoint();
    const damaged = { ...checkpoint, reference: checkpoint.reference.slice(8) };
    for (const bad of [damaged, { ...checkpoint, seen: 30 }, { ...checkpoint, made: "{}" }]) {
      expect(() => make({ checkpoint: bad })).toThrow(
        expect.objectContaining({ code: "EF_DRIFT_CHECKPOINT" }) as Error,
      );
    }
  });
});
