import { useMemo, useState, type ReactNode } from "react";
import { Chart } from "../charts/chart.tsx";
import { Legend } from "../charts/chart-panel.tsx";
import { nearestIndex } from "../charts/series.ts";
import { formatCount, formatRatio } from "../format.ts";
import type { DriftView } from "../status.ts";
import { driftColumns, evidencePlot, recordMarks, versionsPlot } from "./drift-plots.ts";
import { plainExplanation, RecordList } from "./record-list.tsx";
import { SignalTable } from "./signal-table.tsx";
import { VerdictPill } from "./verdict-pill.tsx";

/** Properties of {@link DriftPanel}. */
interface DriftPanelProps {
  readonly drift: DriftView;
}

const EVIDENCE_HEIGHT_PX = 220;
const VERSIONS_HEIGHT_PX = 120;

/** What is seen of changes in the stream: the verdict, why, every signal over time, and the records. */
export function DriftPanel({ drift }: DriftPanelProps): ReactNode {
  const { status, records } = drift;
  const { verdict, explanation } = status;
  return (
    <section className="panel drift" aria-labelledby="drift">
      <header className="panel-head">
        <div>
          <h2 id="drift">
            Drift <VerdictPill verdict={verdict} />
          </h2>
          <p className="drift-explanation" role="status">
            {explanation === "" ? "No change is seen" : plainExplanation(explanation)}
          </p>
        </div>
        <DriftFacts drift={drift} />
      </header>
      <DriftCharts drift={drift} />
      <SignalTable signals={status.signals} />
      <h3>Warnings and drifts</h3>
      <RecordList records={records} />
    </section>
  );
}

function DriftFacts({ drift }: DriftPanelProps): ReactNode {
  const { likelihood, withinSamples, falseAlarmEvery, labelled, samples } = drift.status;
  return (
    <dl className="drift-facts">
      <div>
        <dt>Changed within the last {formatCount(withinSamples)} samples</dt>
        <dd>{formatRatio(likelihood)}</dd>
      </div>
      <div>
        <dt>Budget of false alarms</dt>
        <dd>one in {formatCount(falseAlarmEvery)} samples</dd>
      </div>
      <div>
        <dt>Watched</dt>
        <dd>
          {formatCount(samples)} samples, {formatCount(labelled)} labels
        </dd>
      </div>
    </dl>
  );
}

function DriftCharts({ drift }: DriftPanelProps): ReactNode {
  const [cursorSamples, setCursorSamples] = useState<number | null>(null);
  const columns = useMemo(() => driftColumns(drift), [drift]);
  const marks = useMemo(() => recordMarks(drift), [drift]);
  // The plot is drawn anew when it is another object, and only its lines and bands make it one.
  const { falseAlarmEvery, falseWarningEvery, signals } = drift.status;
  const made = JSON.stringify([falseAlarmEvery, falseWarningEvery, signals.map((s) => s.name)]);
  const plot = useMemo(() => evidencePlot(drift), [made]);
  const cursor = cursorSamples === null ? null : nearestIndex(columns.samples, cursorSamples);
  const shared = { columns, cursor, marks, onCursor: setCursorSamples };
  const index = cursor ?? columns.samples.length - 1;
  return (
    <div className="drift-charts">
      <Legend plot={plot} columns={columns} index={index} />
      <p className="panel-note">
        {plot.subtitle}. The verdict goes by all of them together: a warning where that is in the
        first band, a drift from the second on. Lines mark records, dashed ones were withdrawn
      </p>
      <Chart plot={plot} height={EVIDENCE_HEIGHT_PX} {...shared} />
      <Legend plot={versionsPlot} columns={columns} index={index} />
      <Chart plot={versionsPlot} height={VERSIONS_HEIGHT_PX} {...shared} />
    </div>
  );
}
