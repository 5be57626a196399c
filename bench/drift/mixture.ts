import { classes, Random, type Sample, streamOf } from "@everfresh/core";
import type { Source } from "@everfresh/streams";

/** What happens to a mixture at its change. */
export type MixtureChange = "labels swap" | "features move";

/** Samples before the change, those that are known before the stream begins included, and in all. */
export const MIXTURE_CHANGE_AT = 12_000;
const SIZE = 22_000;
const CLASSES = 6;
/** Numbers that classes differ in, and numbers that mean nothing. */
const TELLING = 6;
const NOISE = 2;
/** Deviation of the means of classes, where samples of a class have 1. */
const SPREAD = 1.2;
/** By how much the numbers that mean nothing move. */
const MOVE = 1.5;

/** Options of {@link mixture}. */
export interface MixtureOptions {
  readonly seed: number;
  readonly change: MixtureChange;
  /** Multiplies the number of samples before the change. */
  readonly scale: number;
}

/**
 * Six normal clouds in six dimensions, and two numbers that mean nothing. At the change either the first
 * two classes swap their labels, which leaves p(x) as it is, or the numbers that mean nothing move,
 * which leaves p(y|x) as it is.
 */
export function mixture({ seed, change, scale }: MixtureOptions): Source {
  const changeAt = Math.round(scale * MIXTURE_CHANGE_AT);
  const made = new Random(seed, streamOf("mixture means"));
  const means = Float64Array.from({ length: CLASSES * TELLING }, () => SPREAD * made.normal());
  const features = TELLING + NOISE;
  return {
    name: `mixture whose ${change}`,
    schema: { features: { dtype: "float32", shape: [features] }, target: classes(CLASSES) },
    size: SIZE,
    async *read({ from = 0 } = {}) {
      const random = new Random(seed, streamOf("mixture"));
      for (let position = 0; position < SIZE; position++) {
        const isChanged = position >= changeAt;
        const cloud = random.below(CLASSES);
        const values = Float32Array.from({ length: features }, (_, i) => {
          const mean = i < TELLING ? (means[cloud * TELLING + i] ?? 0) : 0;
          const moved = i >= TELLING && isChanged && change === "features move" ? MOVE : 0;
          return mean + moved + random.normal();
        });
        const isSwapped = isChanged && change === "labels swap" && cloud < 2;
        const label = isSwapped ? 1 - cloud : cloud;
        const sample: Sample = {
          ...{ id: `mixture-${seed}-${position}`, eventTimeMs: position },
          ...{ features: values, label },
        };
        if (position >= from) yield await Promise.resolve(sample);
      }
    },
  };
}
