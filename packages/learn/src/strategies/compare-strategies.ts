import type { Sample } from "@everfresh/core";
import { StrategyRun } from "./strategy-run.ts";
import type { StrategyRunOptions, StrategyStanding } from "./strategy-run-options.ts";

/** Options of {@link compareStrategies}. */
export interface CompareOptions extends StrategyRunOptions {
  /** The samples in their order of arrival, with their labels. */
  readonly stream: AsyncIterable<Sample> | Iterable<Sample>;
  /** Is told now and then how many samples have arrived, and waited for. */
  readonly onProgress?: (arrived: number) => void | Promise<void>;
  /** Samples between two times that it is told, 1 or more. @default 1,000 */
  readonly progressEvery?: number;
}

/**
 * Runs strategies side by side on a whole stream, each with its own state, scores and account.
 * @throws LearnOptionError as {@link StrategyRun}; what stream, sessions, history and hooks throw
 */
export async function compareStrategies(
  options: CompareOptions,
): Promise<readonly StrategyStanding[]> {
  const { stream, onProgress, progressEvery = 1_000 } = options;
  const run = new StrategyRun(options);
  for await (const sample of stream) {
    await run.arrive(sample);
    if (run.arrived % progressEvery === 0) await onProgress?.(run.arrived);
  }
  await run.finish();
  return run.standings();
}
