import { useMemo, useState, type ReactNode } from "react";
import { formatCount } from "../format.ts";
import type { StatusPoint } from "../status.ts";
import { ChartPanel } from "./chart-panel.tsx";
import { accuracyPlot, lossPlot, updateBytesPlot } from "./plot.ts";
import { columnsOf, nearestIndex } from "./series.ts";

/** Properties of {@link Charts}. */
interface ChartsProps {
  readonly series: readonly StatusPoint[];
  readonly denseBytes: number;
}

const MAIN_HEIGHT_PX = 300;
const SIDE_HEIGHT_PX = 210;

/** The three charts; pointing into one shows the same moment in all. */
export function Charts({ series, denseBytes }: ChartsProps): ReactNode {
  // The cursor is kept as samples and not as an index: the series is thinned out as it grows.
  const [cursorSamples, setCursorSamples] = useState<number | null>(null);
  const columns = useMemo(() => columnsOf(series, denseBytes), [series, denseBytes]);
  const cursor = cursorSamples === null ? null : nearestIndex(columns.samples, cursorSamples);
  const shared = { columns, cursor, onCursor: setCursorSamples };
  const shownSamples = columns.samples[cursor ?? columns.samples.length - 1];

  if (shownSamples === undefined) return <WaitingForUpdates />;
  return (
    <div className="charts">
      <ChartPanel plot={accuracyPlot} height={MAIN_HEIGHT_PX} {...shared} />
      <ChartPanel plot={updateBytesPlot} height={SIDE_HEIGHT_PX} {...shared} />
      <ChartPanel plot={lossPlot} height={SIDE_HEIGHT_PX} {...shared} />
      <p className="charts-note">
        {cursor === null ? "Values are the newest, after " : "Values at "}
        {formatCount(shownSamples)} samples
      </p>
    </div>
  );
}

function WaitingForUpdates(): ReactNode {
  return (
    <section className="panel empty" aria-label="Charts">
      <svg className="empty-picture" viewBox="0 0 120 48" aria-hidden="true">
        <path d="M4 44V4M4 44h112" className="empty-axis" />
        <path d="M8 40C24 16 40 12 112 9" className="empty-curve" />
      </svg>
      <h2>Waiting for the first update</h2>
      <p>The charts begin with the first training step</p>
    </section>
  );
}
