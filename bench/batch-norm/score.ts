/** How well deployed copies do beside the state that they follow. */
import { fingerprintOf, type ModelState } from "@everfresh/core";
import { inferenceGraph, type Model, openInference, type TrainingSession } from "@everfresh/engine";
import { heldOutScore } from "@everfresh/learn";
import type { Source } from "@everfresh/streams";
import type { DeployedCopies, EstimateSource } from "./deployed-copies.ts";

/** Batches of the estimates that are made for the test alone. */
const FRESH_BATCHES = [16];

/** One copy at one moment. */
export interface Row {
  readonly ratio: number;
  /** Where its statistics come from: updates from one estimate to the next, or a word. */
  readonly buffersEvery: number | "always" | "never" | `fresh ${number}`;
  /** Updates since the estimate: at its oldest before the next one; null for no estimate. */
  readonly age: number | null;
  readonly accuracy: number;
  /** Accuracy above that of θ, in points of a hundred. */
  readonly points: number;
  /** Mean length of an update, statistics included; null where they are not sent. */
  readonly updateBytes: number | null;
}

/** All copies at one moment. */
export interface Score {
  readonly step: number;
  readonly testSamples: number;
  readonly dense: number;
  readonly rows: readonly Row[];
}

/** What {@link scoreOf} looks at. */
export interface Test {
  readonly model: Model;
  readonly step: number;
  /** At most so many samples. */
  readonly limit: number;
  readonly test: Source;
  readonly session: TrainingSession;
  readonly estimates: EstimateSource;
  readonly paces: readonly number[];
}

/** The versions of the newest estimate of each pace at `step`, and of the one before it. */
export function versionsTested(step: number, paces: readonly number[]): readonly number[] {
  return paces.flatMap((pace) => {
    const newest = Math.floor(step / pace) * pace;
    return [newest, newest - pace].filter((version) => version > 0);
  });
}

/** Tests θ, and every copy with every kind of statistics. */
export async function scoreOf(
  copies: readonly DeployedCopies[],
  { model, step, limit, test, session, estimates, paces }: Test,
): Promise<Score> {
  const { preprocessing } = estimates;
  const accuracyOf = async (state: ModelState): Promise<number> => {
    // With the weights as constants, as replicas serve: several times faster than in training.
    const initial = { state, version: 0, fingerprint: fingerprintOf(state) };
    await using serving = await openInference(inferenceGraph(model), initial, { mode: "bake" });
    const predictor = {
      predict: async (_: ModelState, inputs: Float32Array, size: number): Promise<Float32Array> =>
        (await serving.predict(inputs, size)).outputs,
    };
    const options = { session: predictor, state, source: test, preprocessing, limit };
    return (await heldOutScore(options)).accuracy;
  };
  const trained = session.state;
  const dense = await accuracyOf(trained);
  const samples = estimates.history.count();
  const rows: Row[] = [];
  for (const copy of copies) {
    const { parameters, whole: trainedBuffers } = copy.bytes;
    const add = (row: Omit<Row, "ratio" | "points">): void => {
      const tested = { ratio: copy.ratio, points: 100 * (row.accuracy - dense), ...row };
      console.error(lineOf(tested));
      rows.push(tested);
    };
    // Estimates of several paces that came with the same version are the same.
    const known = new Map<number, number>();
    for (const pace of paces) {
      const [newest = 0, before = newest] = versionsTested(step, [pace]);
      const updateBytes =
        newest === 0 ? null : parameters + copy.estimateBytes(newest, before) / pace;
      for (const version of versionsTested(step, [pace])) {
        const state = copy.withStatisticsOf(version);
        const accuracy = known.get(version) ?? (await accuracyOf(state));
        known.set(version, accuracy);
        add({ buffersEvery: pace, age: step - version, updateBytes, accuracy });
      }
    }
    const whole = {
      buffersEvery: "always",
      age: null,
      updateBytes: parameters + trainedBuffers,
    } as const;
    add({ ...whole, accuracy: await accuracyOf(copy.withTrained(trained)) });
    const never = { buffersEvery: "never", age: null, updateBytes: parameters } as const;
    add({ ...never, accuracy: await accuracyOf(copy.untouched) });
    for (const batches of FRESH_BATCHES) {
      const state = await copy.fresh(estimates, samples, batches);
      const fresh = { buffersEvery: `fresh ${batches}`, age: 0, updateBytes: null } as const;
      add({ ...fresh, accuracy: await accuracyOf(state) });
    }
  }
  return { step, testSamples: Math.min(limit, test.size ?? limit), dense, rows };
}

/** A score for people. */
export function table({ step, testSamples, dense, rows }: Score): string {
  return [
    `step ${step}, ${testSamples} test samples: dense ${dense.toFixed(4)}`,
    "ratio   statistics  age  accuracy points  bytes per update",
    ...rows.map(lineOf),
    "",
  ].join("\n");
}

function lineOf({ ratio, buffersEvery, age, accuracy, points, updateBytes }: Row): string {
  return [
    String(ratio).padEnd(8),
    String(buffersEvery).padEnd(12),
    String(age ?? "").padEnd(5),
    accuracy.toFixed(4).padEnd(9),
    `${points >= 0 ? "+" : ""}${points.toFixed(2)}`.padEnd(8),
    updateBytes === null ? "" : updateBytes.toFixed(1),
  ].join("");
}
