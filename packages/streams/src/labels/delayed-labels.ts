import type { Sample } from "@everfresh/core";

/** What happens in a stream whose labels come later than its samples. */
export type StreamEvent =
  /** A sample arrives; its label is not to be looked at yet. */
  | { readonly kind: "sample"; readonly sample: Sample }
  /** The label of an earlier sample arrives. */
  | { readonly kind: "label"; readonly id: string; readonly label: number };

/**
 * Plays a labelled stream as if each label came `lagSamples` samples after its own; those that are
 * still out at its end come then. With 0 a label comes right after its sample.
 * @param lagSamples a whole number of 0 or more; so many samples are remembered
 */
export async function* delayedLabels(
  samples: AsyncIterable<Sample>,
  lagSamples: number,
): AsyncGenerator<StreamEvent, void, void> {
  if (!Number.isSafeInteger(lagSamples) || lagSamples < 0) {
    throw new RangeError(`A lag is a whole number of 0 or more samples, got ${lagSamples}`);
  }
  let out: Sample[] = [];
  let first = 0;
  for await (const sample of samples) {
    yield { kind: "sample", sample };
    out.push(sample);
    if (out.length - first <= lagSamples) continue;
    const due = out[first++];
    if (due !== undefined) yield { kind: "label", id: due.id, label: due.label };
    if (first > lagSamples + 1_024) {
      out = out.slice(first);
      first = 0;
    }
  }
  for (const { id, label } of out.slice(first)) yield { kind: "label", id, label };
}
