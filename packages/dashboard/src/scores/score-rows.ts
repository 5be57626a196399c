import type { ModelScores, ScoreValues } from "../status.ts";

/** One line of the accuracy table. */
export interface ScoreRow {
  /** Of a state, or of a rule that needs no model. */
  readonly kind: "trained" | "deployed" | "frozen" | "noChange" | "majority";
  readonly label: string;
  /** What it is, in a few words. */
  readonly note: string;
  /** Over the newest samples, 0 to 1; null where not known. */
  readonly window: number | null;
  /** Over all samples. */
  readonly cumulative: number | null;
}

/**
 * States first, then what they have to beat. The rules answer the same samples as the deployed state;
 * the frozen state is missing where it is not evaluated.
 */
export function scoreRows({ trained, deployed, frozen }: ModelScores): readonly ScoreRow[] {
  const row = (
    kind: ScoreRow["kind"],
    [label, note]: readonly [label: string, note: string],
    of: { readonly window: ScoreValues; readonly cumulative: ScoreValues },
    field: "accuracy" | "noChangeAccuracy" | "majorityAccuracy" = "accuracy",
  ): ScoreRow => ({
    ...{ kind, label, note },
    ...{ window: of.window[field], cumulative: of.cumulative[field] },
  });
  return [
    row("trained", ["Trained", "newest weights"], trained),
    row("deployed", ["Deployed", "what replicas have"], deployed),
    ...(frozen === null ? [] : [row("frozen", ["Frozen", "as the run began"], frozen)]),
    row("noChange", ["No change", "repeats the last label"], deployed, "noChangeAccuracy"),
    row("majority", ["Majority", "most frequent label"], deployed, "majorityAccuracy"),
  ];
}
