/**
 * Milliseconds on a clock that all processes of this machine share, with fractions: Linux gives every
 * process the same CLOCK_MONOTONIC, which `process.hrtime` reads, while `performance.now()` counts
 * from the start of its own process.
 */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
