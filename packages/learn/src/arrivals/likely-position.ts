import type { LabelJoin } from "@everfresh/streams";

/**
 * Where in the history the samples begin that were predicted from a number on, where labels come in any
 * order or not at all: so many samples before it as have their labels, or may still get them. One that
 * has waited for longer than 99 % of labels took is not counted on.
 */
export function likelyPosition(
  join: Pick<LabelJoin, "stats" | "pendingBelow">,
  sequence: number,
): number {
  const { predicted, expiredByAge, expiredByRoom, lagSamples } = join.stats();
  const given = Math.min(sequence, predicted - 1 - lagSamples.p99);
  const unlikely = given > 0 ? join.pendingBelow(given) : 0;
  return Math.max(0, sequence - expiredByAge - expiredByRoom - unlikely);
}
