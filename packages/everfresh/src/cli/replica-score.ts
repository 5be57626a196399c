import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "@everfresh/client";
import type { Sample } from "@everfresh/core";
import type { Source } from "@everfresh/streams";
import { percent, type Terminal } from "./terminal.ts";

const CHUNK_SAMPLES = 250; // a tenth of a second of work for a small model
const SCORE_EVERY_MS = 5_000;
const SCORE_SAMPLES = 1_000; // a standard error of about 1 point at 90 %

/** The share of samples of `source` that the replica classifies correctly as it is now. */
export async function scoreReplica(
  model: Client,
  source: Source,
  samplesMax: number = Infinity,
): Promise<number> {
  let correct = 0;
  let total = 0;
  const score = async (samples: readonly Sample[]): Promise<void> => {
    const answers = await model.predictBatch(samples.map(({ features }) => features));
    answers.forEach(({ classIndex }, i) => {
      if (classIndex === samples[i]?.label) correct++;
    });
    total += samples.length;
  };
  let chunk: Sample[] = [];
  for await (const sample of source.read()) {
    chunk.push(sample);
    const enough = total + chunk.length >= samplesMax;
    if (chunk.length < CHUNK_SAMPLES && !enough) continue;
    await score(chunk);
    chunk = [];
    if (enough) break;
  }
  if (chunk.length > 0) await score(chunk);
  return total === 0 ? 0 : correct / total;
}

/** Shows the replica's accuracy on its own data every few seconds until `signal` aborts. */
export async function scoreNowAndThen(
  model: Client,
  source: Source,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await sleep(SCORE_EVERY_MS, undefined, { signal });
    } catch {
      return; // the wait was ended by the signal: nothing more to show
    }
    const { version } = model.status();
    const accuracy = await scoreReplica(model, source, SCORE_SAMPLES);
    terminal.line(`version ${version}  accuracy on its own data ${percent(accuracy)}`);
  }
}
