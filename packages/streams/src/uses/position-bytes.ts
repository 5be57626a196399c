/**
 * Positions as bytes: sorted, each as its distance to the one before (the first one to 0), in groups of
 * seven bits, lowest first (LEB128). For 120 of 100,000 positions that is about 2 bytes for each.
 */

/** Bits of a number that one byte has; its top bit says that more follow. */
const BITS = 7;
const MORE = 2 ** BITS;

/** Positions, in any order, as bytes; one that comes twice counts twice. */
export function encodePositions(positions: readonly number[]): Uint8Array {
  const bytes: number[] = [];
  let before = 0;
  for (const position of positions.toSorted((a, b) => a - b)) {
    let distance = position - before;
    before = position;
    for (; distance >= MORE; distance = Math.floor(distance / MORE)) {
      bytes.push((distance % MORE) + MORE);
    }
    bytes.push(distance);
  }
  return Uint8Array.from(bytes);
}

/** How often a position is among those that {@link encodePositions} has written. */
export function countIn(bytes: Uint8Array, position: number): number {
  let count = 0;
  let at = 0;
  let distance = 0;
  let scale = 1;
  for (const byte of bytes) {
    distance += (byte % MORE) * scale;
    scale *= MORE;
    if (byte >= MORE) continue;
    at += distance;
    if (at > position) break;
    if (at === position) count++;
    distance = 0;
    scale = 1;
  }
  return count;
}
