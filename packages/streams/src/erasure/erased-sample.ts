import type { Features, Sample } from "@everfresh/core";

/** What the id of an erased sample begins with; its position follows. */
const PREFIX = "everfresh:erased:";

/** The id that stands in place of an erased sample's at a position. */
export function erasedId(position: number): string {
  return `${PREFIX}${position}`;
}

/** Whether a sample was erased: its features and label are zeros, and nothing may be learned of it. */
export function isErased({ id }: Pick<Sample, "id">): boolean {
  return id.startsWith(PREFIX);
}

/** Features of zeros, as many as those that were there. */
export function blankFeatures(features: Features): Features {
  return features instanceof Float32Array
    ? new Float32Array(features.length)
    : new Uint8Array(features.length);
}
