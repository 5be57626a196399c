import { type ModelState, type Preprocessing, preprocessorOf, statisticsIn } from "@everfresh/core";
import type { Source } from "@everfresh/streams";
import { assembleBatch } from "../batch.ts";
import { chunksOf } from "../chunks.ts";
import { outcomesOf, type Predictor } from "./classify.ts";
import { type Score, scoreOf } from "./prequential.ts";

/** Samples per prediction: large enough to keep the runtime busy, small enough to stay in its cache. */
const EVALUATION_BATCH = 256;

/** Options of {@link heldOutScore}. */
export interface HeldOutOptions {
  /** A training session of the model. */
  readonly session: Predictor;
  /** The state to test, trained or deployed, with its own statistics of preprocessing. */
  readonly state: ModelState;
  /** Samples that were never trained on; read to the end or to `limit`. */
  readonly source: Source;
  readonly preprocessing: Preprocessing;
  /**
   * At most so many samples from the beginning of the source.
   * @default all of them
   */
  readonly limit?: number;
  /** Ends the evaluation after the batch that is running, with the score so far. */
  readonly signal?: AbortSignal;
}

/** The accuracy of a state on samples that it was not trained on. Do not let it train meanwhile. */
export async function heldOutScore(options: HeldOutOptions): Promise<Score> {
  const { session, state, source, preprocessing, limit = Infinity, signal } = options;
  const preprocessor = preprocessorOf(preprocessing);
  const statistics = statisticsIn(state, preprocessor.statistics);
  let correct = 0;
  let total = 0;
  if (limit <= 0) return scoreOf(correct, total);
  const samples = source.read(signal === undefined ? {} : { signal });
  for await (const chunk of chunksOf(samples, EVALUATION_BATCH, signal)) {
    const batch = assembleBatch(preprocessor, chunk.slice(0, limit - total), statistics);
    const outcomes = await outcomesOf(session, state, batch);
    correct += outcomes.filter(Boolean).length;
    total += batch.size;
    if (total >= limit) break;
  }
  return scoreOf(correct, total);
}
