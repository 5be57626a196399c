/** A seed for what only spreads out reconnections, so it need not be repeatable. */
export function randomSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}
