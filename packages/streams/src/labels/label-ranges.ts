import type { LabelState } from "./label-tables.ts";

/**
 * Checks the numbers of joined predictions that are asked for.
 * @throws RangeError unless released ≤ from ≤ to ≤ joined
 */
export function checkJoinedRange(from: number, to: number, state: LabelState): void {
  const isWhole = Number.isSafeInteger(from) && Number.isSafeInteger(to);
  if (!isWhole || from < state.released || to < from || to > state.joined) {
    throw new RangeError(
      `Joined predictions ${state.released} to ${state.joined} have no range from ${from} to ${to}`,
    );
  }
}

/**
 * Checks the numbers of turns that are asked for.
 * @throws RangeError unless released ≤ from ≤ to ≤ count
 */
export function checkTurnRange(from: number, to: number, state: LabelState): void {
  const isWhole = Number.isSafeInteger(from) && Number.isSafeInteger(to);
  if (!isWhole || from < state.turnsReleased || to < from || to > state.turns) {
    throw new RangeError(
      `Turns ${state.turnsReleased} to ${state.turns} have no range from ${from} to ${to}`,
    );
  }
}
