import type { History } from "@everfresh/streams";
import type { Sampler } from "./sampler.ts";

/** Samples whose facts are read at once: bounds the memory that it takes. */
const FACTS_SLICE = 65_536;

/** What {@link batchPositions} puts together. */
export interface BatchRequest {
  /** Samples in the history before the new ones. */
  readonly past: number;
  /** New samples, which are in the history at the positions from `past` on. */
  readonly fresh: number;
  /** Old samples to draw beside the new ones (b − t). */
  readonly old: number;
}

/**
 * Positions of the samples of a batch: the new ones, then those drawn from before them; or, where the
 * sampler draws from all, `fresh + old` that it draws from both together.
 */
export function batchPositions(
  sampler: Sampler,
  { past, fresh, old }: BatchRequest,
): readonly number[] {
  if (sampler.reach === "all") return sampler.draw(fresh + old, past + fresh);
  const unseen = Array.from({ length: fresh }, (_, i) => past + i);
  return [...unseen, ...sampler.draw(old, past)];
}

/**
 * Tells a sampler what the history knows about the positions from `from` up to but without `to`:
 * all of them before the first draw of a run, then the new ones before each draw. Nothing is read for
 * a sampler that goes by positions alone.
 */
export async function observeHistory(
  sampler: Sampler,
  history: Pick<History, "facts">,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<void> {
  if (sampler.observe === undefined) return;
  for (let at = from; at < to; at += FACTS_SLICE) {
    const until = Math.min(to, at + FACTS_SLICE);
    sampler.observe(await history.facts(at, until));
    // Lets the sampler put what it has heard into its index, which is bounded.
    if (until < to) sampler.draw(0, until);
  }
}
