import type { LabelStats } from "./label-join.ts";
import type { LabelState } from "./label-tables.ts";
import { lagSummary } from "./lag-histogram.ts";

/** What a state says to people. */
export function statsOf(state: LabelState): LabelStats {
  const { pending, early, joined, lagMs, lagSamples } = state;
  return {
    predicted: state.nextPending,
    pending,
    early,
    joined,
    expiredByAge: state.expiredByAge,
    expiredByRoom: state.expiredByRoom,
    earlyExpired: state.earlyExpired,
    tooLate: state.tooLate,
    duplicateLabels: state.duplicateLabels,
    duplicatePredictions: state.duplicatePredictions,
    conflicts: state.conflicts,
    lagMs: lagSummary(lagMs),
    lagSamples: lagSummary(lagSamples),
  };
}
