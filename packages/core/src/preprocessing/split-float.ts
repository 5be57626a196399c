/**
 * Numbers of 48 bits in float32 tensors: a value is the sum of two float32, the nearest one and the
 * nearest one to what is left. A tensor of them is [2, n]: all first parts, then all second parts. So
 * statistics travel as ordinary buffers, and counts stay exact up to 2⁴⁸ samples.
 */

/** The sums of a tensor [2, n]. */
export function joined(parts: Float32Array): Float64Array {
  const n = parts.length / 2;
  const values = new Float64Array(n);
  for (let i = 0; i < n; i++) values[i] = (parts[i] ?? 0) + (parts[n + i] ?? 0);
  return values;
}

/** The tensor [2, n] of values whose magnitude float32 can hold, rounded to 48 bits. */
export function split(values: Float64Array): Float32Array {
  const n = values.length;
  const parts = new Float32Array(2 * n);
  for (let i = 0; i < n; i++) {
    const value = values[i] ?? 0;
    parts[i] = value;
    parts[n + i] = value - (parts[i] ?? 0);
  }
  return parts;
}
