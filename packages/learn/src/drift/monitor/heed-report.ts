import type { DriftActionRecord, DriftVerdictReport } from "@everfresh/core";
import type { Arrivals } from "../../arrivals/arrivals.ts";
import type { TrainingRun } from "../../training-run.ts";
import type { HeedReport } from "./drift-watch-options.ts";

/**
 * What a run does about a verdict: it tells its strategy, and the record of the verdict what that makes
 * of it. What was decided before a crash is not decided again, but taken from the journal.
 */
export function heedReports(run: TrainingRun, arrivals: Arrivals): HeedReport {
  const { drift, onDrift } = run.options;
  return (report) => {
    run.reports++;
    const action = run.redone === null ? decideOn(report, run, arrivals) : redo(run);
    if (action !== null) drift?.acted(action);
    onDrift?.(report, action);
  };
}

function decideOn(
  { verdict, likelihood, since, record }: DriftVerdictReport,
  { strategy, options, actions, reports }: TrainingRun,
  arrivals: Arrivals,
): DriftActionRecord | null {
  const before = strategy.action;
  // Not those that the history has by now: a process that was started anew has more of them at once.
  const known = options.drift?.positions ?? 0;
  strategy.on({
    // Labels may confirm a drift when its verdict is over.
    ...{ kind: "verdict", verdict: record?.verdict ?? verdict, likelihood },
    since: since === null ? null : Math.min(known, arrivals.positionOf(since.sequence)),
    ...(record === null ? {} : { record: record.id, outcome: record.outcome }),
  });
  const decided = strategy.action;
  if (decided === null || decided === before) return null;
  const versions = { from: options.deployed.version, to: null };
  const action = { ...decided, versions };
  actions.push({ report: reports, action });
  return action;
}

function redo({ redone, reports }: TrainingRun): DriftActionRecord | null {
  return redone?.find(({ report }) => report === reports)?.action ?? null;
}
