import { assert, type Sample } from "@everfresh/core";
import type { ReadOptions, Source } from "../sources/source.ts";

/**
 * A source whose samples are others from a position on; ids, times and numbers of samples stay.
 * @throws RangeError when `fromSample` is not a whole number of 0 or more
 */
export function changedSamples(
  source: Source,
  fromSample: number,
  change: (sample: Sample) => Sample,
): Source {
  if (!Number.isSafeInteger(fromSample) || fromSample < 0) {
    throw new RangeError(`fromSample must be a whole number of 0 or more, got ${fromSample}`);
  }
  assert(source.following === undefined, "samples that change have their labels");
  return {
    ...source,
    read: (options: ReadOptions = {}) =>
      changed(source.read(options), fromSample - (options.from ?? 0), change),
  };
}

async function* changed(
  samples: AsyncIterable<Sample>,
  unchanged: number,
  change: (sample: Sample) => Sample,
): AsyncGenerator<Sample, void, undefined> {
  let position = 0;
  for await (const sample of samples) {
    yield position < unchanged ? sample : change(sample);
    position++;
  }
}
