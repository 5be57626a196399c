import type { ChartColour, Line, Mark, Plot, PlotColumns } from "../charts/plot.ts";
import { formatCompact, formatCount } from "../format.ts";
import type { DriftView } from "../status.ts";

/** Signals are told apart by colour first, and by dashes where there are more of them than colours. */
const COLOURS: readonly ChartColour[] = ["deployed", "trained", "loss", "dense"];
const DASHES: readonly (readonly number[])[] = [[], [7, 4], [2, 3]];

/** Evidence far beyond a drift says nothing more: the axis ends at so many times the budget. */
const BEYOND_BUDGET = 10;

/** The column of what the verdict goes by. */
const TOGETHER = "together";

/** Evidence of every signal over time, between the bands of warning and drift. */
export function evidencePlot({ status }: DriftView): Plot<string> {
  const { falseAlarmEvery, falseWarningEvery, signals } = status;
  const top = topOf(falseAlarmEvery);
  return {
    id: "drift-evidence",
    title: "Signals",
    subtitle: "By chance a stable stream shows as much once in so many samples, logarithmic",
    axis: "Samples predicted",
    lines: [
      {
        column: TOGETHER,
        label: "All together",
        colour: "muted",
        width: 3,
        dash: [],
        filled: true,
      },
      ...signals.map(({ name }, index): Line<string> => {
        const colour = COLOURS[index % COLOURS.length] ?? "dense";
        const dash = DASHES[Math.floor(index / COLOURS.length) % DASHES.length] ?? [];
        return { column: columnOf(index), label: name, colour, width: 1.5, dash };
      }),
    ],
    bands: [
      { from: falseWarningEvery, to: falseAlarmEvery, colour: "warning" },
      { from: falseAlarmEvery, to: top, colour: "drift" },
    ],
    scale: "logarithmic",
    range: () => [1, top],
    tick: formatCompact,
    value: (value) => (value === null ? "–" : formatCompact(value)),
  };
}

/** The version that was deployed, beneath on the same axis. */
export const versionsPlot: Plot<string> = {
  id: "drift-versions",
  title: "Versions",
  subtitle: "",
  axis: "Samples predicted",
  lines: [
    { column: "version", label: "Version", colour: "deployed", width: 2, dash: [], filled: true },
  ],
  scale: "linear",
  range: (_minimum, maximum) => [0, Math.max(1, maximum ?? 1)],
  tick: formatCompact,
  value: (value) => (value === null ? "–" : formatCount(value)),
};

/** The series of a view as columns; samples increase, and evidence stays within the axis. */
export function driftColumns({ series, status }: DriftView): PlotColumns<string> {
  const top = topOf(status.falseAlarmEvery);
  const points = series.filter(({ samples }, i) => samples > (series[i - 1]?.samples ?? -1));
  const evidence = status.signals.map((_signal, index) => [
    columnOf(index),
    points.map((point) => withinAxis(point.evidence[index] ?? null, top)),
  ]);
  return {
    ...(Object.fromEntries(evidence) as Record<string, readonly (number | null)[]>),
    [TOGETHER]: points.map(({ together }) => withinAxis(together, top)),
    version: points.map(({ version }) => version),
    samples: points.map(({ samples }) => samples),
  };
}

/** When there was a warning or a drift; dashed where labels did not confirm it. */
export function recordMarks({ records }: DriftView): readonly Mark[] {
  return records.map(({ at, verdict, outcome }) => ({
    samples: at.sequence,
    colour: verdict,
    dash: outcome === "withdrawn" ? [3, 4] : [],
  }));
}

function columnOf(index: number): string {
  return `signal${index}`;
}

function withinAxis(value: number | null, top: number): number | null {
  return value === null ? null : Math.min(top, Math.max(1, value));
}

function topOf(falseAlarmEvery: number): number {
  return 10 ** Math.ceil(Math.log10(falseAlarmEvery * BEYOND_BUDGET));
}
