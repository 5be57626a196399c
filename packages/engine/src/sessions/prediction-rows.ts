/** How predictions of many rows are split over workers, and put together again. */
// Fewer rows than this are not worth a second worker: waking it costs as much as computing them.
const ROWS_PER_WORKER_MIN = 32;

/** Splits `size` rows evenly over up to `workers` parts. */
export function partsOf(size: number, workers: number): [from: number, to: number][] {
  const count = Math.max(1, Math.min(workers, Math.floor(size / ROWS_PER_WORKER_MIN)));
  const cut = (part: number): number => Math.floor((size * part) / count);
  return Array.from({ length: count }, (_, part) => [cut(part), cut(part + 1)]);
}

/** A copy of some rows, each of `length` numbers. */
export function rowsCopy(
  inputs: Float32Array,
  length: number,
  from: number,
  to: number,
): Float32Array<ArrayBuffer> {
  const rows = new Float32Array((to - from) * length);
  rows.set(inputs.subarray(from * length, to * length));
  return rows;
}

/** The parts one after another; the only one as it is. */
export function concatenate(parts: readonly Float32Array[]): Float32Array {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const whole = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
