/** A run in this process, a replica that follows it, and what both make of the same samples. */
import path from "node:path";
import { type Client, connect } from "@everfresh/client";
import {
  type Features,
  type FeatureStatistics,
  fingerprintOf,
  preprocessorOf,
  statisticsIn,
  systemClock,
} from "@everfresh/core";
import { openInference } from "@everfresh/engine";
import type { ModelStatus } from "@everfresh/sync";
import { openUpdateLogReader, stateAt } from "@everfresh/sync/node";
import { type ModelDefinition, runModel } from "everfresh";
import { expect } from "vitest";
import { temporaryFolder } from "./program.ts";

/** What a replica answered at a version. */
interface Answer {
  readonly version: number;
  readonly probabilities: readonly Float32Array[];
}

/** How a run went. */
export interface FollowedRun {
  readonly status: ModelStatus;
  /** What preprocessing knew at the versions that the replica was asked at, in their order. */
  readonly statistics: readonly FeatureStatistics[];
}

/**
 * Trains so many steps while a replica follows, and compares: the state that the log has of each version
 * that the replica answered at, its statistics by this thread's own transform, and a session that takes
 * inputs, not features.
 */
export async function followedRun(
  definition: ModelDefinition,
  { steps, asked }: { readonly steps: number; readonly asked: readonly Features[] },
): Promise<FollowedRun> {
  using folder = temporaryFolder();
  const stateDirectory = path.join(folder.path, "state");
  let status: ModelStatus | undefined;
  let feedUrl = "";
  let fingerprint: string | null = null;
  const answers: Answer[] = [];
  await using closing = new AsyncDisposableStack();
  let client: Client | undefined;
  let asking: Promise<void> = Promise.resolve();
  let isOver = false;
  const ask = async (replica: Client): Promise<void> => {
    const predictions = await replica.predictBatch(asked);
    const version = predictions[0]?.version ?? 0;
    if (version === answers.at(-1)?.version) return;
    answers.push({ version, probabilities: predictions.map((each) => each.probabilities) });
  };
  await runModel({
    config: () => ({ definition, directory: folder.path }),
    ...{ stateDirectory, seed: 5, steps, host: "127.0.0.1", port: 0, clock: systemClock },
    signal: new AbortController().signal,
    onEvent: () => undefined,
    onReady: (url) => (feedUrl = url),
    beforeTraining: async () => {
      const replica = closing.use(await connect(feedUrl, { mode: "patch" }));
      client = replica;
      asking = (async () => {
        for await (const { phase } of replica.states()) {
          if (isOver || phase === "closed") return;
          await ask(replica);
        }
      })();
    },
    afterTraining: async (run) => {
      status = run.status();
      if (client === undefined) throw new Error("no replica was let in");
      for await (const { version } of client.states()) if (version === status.version) break;
      ({ fingerprint } = client.status());
      isOver = true;
      // Predictions are made in their order, so none is under way after this one.
      await ask(client);
      await client[Symbol.asyncDispose]();
      await asking;
    },
  });
  if (status === undefined) throw new Error("the run did not end");
  expect(fingerprint).toBe(status.fingerprint);
  const statistics = await compare({ definition, asked, stateDirectory }, answers);
  return { status, statistics };
}

async function compare(
  run: {
    readonly definition: ModelDefinition;
    readonly asked: readonly Features[];
    readonly stateDirectory: string;
  },
  answers: readonly Answer[],
): Promise<readonly FeatureStatistics[]> {
  const { definition, asked, stateDirectory } = run;
  const preprocessor = preprocessorOf(definition.input);
  await using log = await openUpdateLogReader({
    file: path.join(stateDirectory, "everfresh.sqlite"),
  });
  const generation = await log.generation();
  const layout = generation?.manifest.layout;
  if (layout === undefined) throw new Error("the log has no generation");
  const graph = generation?.manifest.graph ?? new Uint8Array(0);
  const statistics: FeatureStatistics[] = [];
  const first = await stateAt(log, { layout, version: 0 });
  await using session = await openInference(
    graph,
    { state: first.state, version: 0, fingerprint: first.fingerprint },
    { mode: "patch" },
  );
  for (const { version, probabilities } of answers) {
    const { state, fingerprint } = await stateAt(log, { layout, version });
    expect(fingerprintOf(state)).toBe(fingerprint);
    const known = statisticsIn(state, preprocessor.statistics);
    await session.replace({ state, version, fingerprint });
    const inputs = preprocessor.transform(known, asked);
    const { outputs } = await session.predict(inputs, asked.length);
    const count = outputs.length / asked.length;
    for (const [i, own] of probabilities.entries()) {
      expect([...own]).toEqual(softmax(outputs.subarray(i * count, (i + 1) * count)));
    }
    statistics.push(known);
  }
  return statistics;
}

/** As the client computes it. */
function softmax(logits: Float32Array): readonly number[] {
  const most = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - most));
  const sum = powers.reduce((total, power) => total + power, 0);
  return [...Float32Array.from(powers, (power) => power / sum)];
}
