import type { ReactNode } from "react";
import { formatCount } from "../format.ts";
import type { DriftRecord } from "../status.ts";
import { VerdictPill } from "./verdict-pill.tsx";

/** Properties of {@link RecordList}. */
interface RecordListProps {
  /** The newest first. */
  readonly records: readonly DriftRecord[];
}

/** What has become of a record: of a drift by its labels, of a warning by what followed. */
export function outcomeText({
  verdict,
  outcome,
}: Pick<DriftRecord, "verdict" | "outcome">): string {
  if (outcome === "withdrawn") return verdict === "drift" ? "Withdrawn by labels" : "Passed";
  if (outcome === "unsettled") return "Too few labels to tell";
  if (outcome === "confirmed")
    return verdict === "drift" ? "Confirmed by labels" : "Became a drift";
  return verdict === "drift" ? "Labels are still out" : "Not over yet";
}

/** An explanation beside a pill that says its first word already. */
export function plainExplanation(explanation: string): string {
  const text = explanation.replace(/^(?:Warning|Drift): /, "");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Warnings and drifts so far, and what was done about them. */
export function RecordList({ records }: RecordListProps): ReactNode {
  if (records.length === 0) return <p className="muted">No warning and no drift so far</p>;
  return (
    <ol className="records">
      {records.map((record) => (
        <li key={record.id}>
          <p className="record-head">
            <VerdictPill verdict={record.verdict} />
            <span className="record-place">
              Sample {formatCount(record.at.sequence)}, version {formatCount(record.version)}
            </span>
            <span className={`record-outcome record-${record.outcome}`}>{outcomeText(record)}</span>
          </p>
          <p>{plainExplanation(record.explanation)}</p>
          {record.action === null ? null : <p className="muted">{actionText(record.action)}</p>}
        </li>
      ))}
    </ol>
  );
}

const actions: { readonly [K in NonNullable<DriftRecord["action"]>["kind"]]: string } = {
  nothing: "Nothing was done",
  warn: "Told, nothing else",
  newData: "More new samples per step",
  window: "Draws only samples since the change",
  rewarm: "Optimizer started anew",
  retrain: "Retrains on chosen samples",
  rollBack: "Rolls back",
};

/** What was done, in a line. */
export function actionText({ kind, range, versions }: NonNullable<DriftRecord["action"]>): string {
  const isIdle = kind === "nothing" || kind === "warn";
  const chosen =
    range === null || isIdle
      ? ""
      : `, positions ${formatCount(range.from)} to ${formatCount(range.to)}`;
  const led = versions?.to == null ? "" : `; from version ${formatCount(versions.to)} on`;
  return `${actions[kind]}${chosen}${led}`;
}
