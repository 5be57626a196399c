import { existsSync } from "node:fs";
import path from "node:path";
import { Random, type Sample } from "@everfresh/core";
import { digits, mnist, rotated, type Source, swappedLabels } from "@everfresh/streams";

/** Samples that are known before the stream begins, and those after its change. */
const INITIAL = 10_000;
const AFTER = 5_000;
/** The first and the last sample at which it may change. */
const CHANGE_AT = [12_000, 28_000] as const;
/** Samples that a gradual change takes. */
const GRADUAL = 4_000;

/** How digits change. */
export interface DigitsChange {
  readonly name: string;
  /** Samples until all are of the new kind, whose share rises evenly; 0 where it is at once. */
  readonly overSamples: number;
  /** What samples of the new kind are. */
  readonly changed: (source: Source) => Source;
}

/** What is tried. In the last one p(x) stays as it is: no signal without labels can see it. */
export const DIGITS_CHANGES: readonly DigitsChange[] = [
  { name: "turned by 30°, at once", overSamples: 0, changed: turnedBy(30) },
  { name: "turned by 15°, at once", overSamples: 0, changed: turnedBy(15) },
  { name: "turned by 30°, gradually", overSamples: GRADUAL, changed: turnedBy(30) },
  {
    name: "3 and 8 swap labels, at once",
    overSamples: 0,
    changed: (source) => swappedLabels(source, { fromSample: 0, classes: [3, 8] }),
  },
];

/** A stream of digits that changes once. */
export interface ChangingDigits {
  readonly initial: readonly Sample[];
  readonly before: readonly Sample[];
  /** What comes after it, if it changes so. */
  after(change: DigitsChange): Promise<readonly Sample[]>;
}

/** All images of MNIST, or drawn ones where its folder is not there. */
export async function allDigits(data: string): Promise<Source & { readonly all: Sample[] }> {
  const folder = path.join(data, "mnist");
  const source = existsSync(folder) ? await mnist(folder, "train") : digits({ size: 60_000 });
  const all: Sample[] = [];
  for await (const sample of source.read()) all.push(sample);
  return { ...source, all };
}

/**
 * Digits in an order that the seed decides, which change at a sample that it draws, too.
 * @param scale multiplies all numbers of samples
 */
export function changingDigits(
  source: Source & { readonly all: readonly Sample[] },
  { seed, scale }: { readonly seed: number; readonly scale: number },
): ChangingDigits {
  const random = new Random(seed, 11);
  const samples = [...source.all];
  for (let i = samples.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [samples[i], samples[j]] = [samples[j] as Sample, samples[i] as Sample];
  }
  const [initial, first, last, length] = [INITIAL, ...CHANGE_AT, AFTER].map((count) =>
    Math.round(scale * count),
  ) as [number, number, number, number];
  const changeAt = initial + first + random.below(last - first + 1);
  const rest = samples.slice(changeAt, changeAt + length);
  return {
    initial: samples.slice(0, initial),
    before: samples.slice(initial, changeAt),
    async after({ overSamples, changed }) {
      const draw = new Random(seed, 12);
      const over = Math.round(scale * overSamples);
      const mixed: Sample[] = [];
      let i = 0;
      for await (const sample of changed(ofSamples(source, rest)).read()) {
        const isNew = over === 0 || draw.float() < (i + 1) / over;
        mixed.push(isNew ? sample : (rest[i] as Sample));
        i++;
      }
      return mixed;
    },
  };
}

function turnedBy(degrees: number): DigitsChange["changed"] {
  return (source) => rotated(source, { fromSample: 0, degrees });
}

function ofSamples({ name, schema }: Source, samples: readonly Sample[]): Source {
  return {
    ...{ name, schema, size: samples.length },
    async *read({ from = 0 } = {}) {
      await Promise.resolve();
      yield* samples.slice(from);
    },
  };
}
