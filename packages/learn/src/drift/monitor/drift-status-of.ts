import type { DriftStatus } from "@everfresh/core";
import type { CompleteDriftSpec } from "./drift-spec.ts";
import type { MonitoredSignal } from "./monitored-signal.ts";
import { FAMILIES, familiesOf, type Vote } from "../verdict/vote.ts";

/** What a status is made of. */
export interface StatusParts extends Pick<
  DriftStatus,
  "verdict" | "likelihood" | "since" | "samples" | "labelled" | "explanation" | "counts" | "records"
> {
  readonly spec: CompleteDriftSpec;
  readonly signals: readonly MonitoredSignal[];
  readonly vote: Vote;
}

/** What drift monitoring says to people and programs. */
export function driftStatusOf({ spec, signals, vote, ...rest }: StatusParts): DriftStatus {
  const { withinSamples, falseAlarmEvery, falseWarningEvery } = spec;
  const weights = vote.weights(signals);
  const families = familiesOf(signals);
  return {
    ...rest,
    ...{ withinSamples, vote: spec.vote, falseAlarmEvery, falseWarningEvery },
    evidence: together(signals, weights),
    families: FAMILIES.map((family) => {
      const evidence = families[family];
      return {
        ...{ family, verdict: vote.ofFamily(evidence), hasData: evidence !== null },
        // That evidence so strong comes up within so many samples.
        pValue: evidence === null ? null : -Math.expm1(-withinSamples / evidence),
      };
    }),
    signals: signals.map((signal, i) => {
      const weight = weights[i] ?? 0;
      // Without data it has no weight yet, and no level either.
      const level = (budget: number): number => (weight > 0 ? budget / weight : Infinity);
      return signal.status({ warning: level(falseWarningEvery), drift: level(falseAlarmEvery) });
    }),
  };
}

/** N = Σ wₖ Nₖ; null where no signal has data. */
function together(signals: readonly MonitoredSignal[], weights: readonly number[]): number | null {
  if (signals.every(({ evidence }) => evidence === null)) return null;
  return signals.reduce((sum, { evidence }, i) => sum + (weights[i] ?? 0) * (evidence ?? 0), 0);
}
