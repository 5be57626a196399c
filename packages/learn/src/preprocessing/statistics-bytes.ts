import { type FeatureStatistics, type Preprocessor, ShapeError, sizeOf } from "@everfresh/core";

/** Statistics as bytes: all numbers one after another. */
export function statisticsBytes(statistics: FeatureStatistics): Uint8Array {
  const numbers = new Float32Array(statistics.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const values of statistics) {
    numbers.set(values, at);
    at += values.length;
  }
  return new Uint8Array(numbers.buffer);
}

/**
 * What {@link statisticsBytes} was given.
 * @throws ShapeError for bytes of another pipeline's statistics
 */
export function statisticsFrom(
  bytes: Uint8Array,
  { statistics }: Pick<Preprocessor, "statistics">,
): FeatureStatistics {
  const numbers = new Float32Array(new Uint8Array(bytes).buffer);
  const sizes = statistics.map(({ shape }) => sizeOf(shape));
  const expected = sizes.reduce((sum, size) => sum + size, 0);
  if (numbers.length !== expected) {
    throw new ShapeError(
      `Statistics of ${numbers.length} numbers were stored, the pipeline has ${expected}`,
    );
  }
  let at = 0;
  return sizes.map((size) => numbers.slice(at, (at += size)));
}

/** Whether statistics are the same, bit for bit. */
export function isSame(a: FeatureStatistics, b: FeatureStatistics): boolean {
  return a.every((values, i) => values.every((value, j) => Object.is(value, b[i]?.[j])));
}
