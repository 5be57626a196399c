import {
  formatAccuracy,
  formatBytes,
  formatBytesTick,
  formatCount,
  formatFigure,
  formatRatio,
  formatTick,
} from "../format.ts";
import {
  accuracyRange,
  decadeRange,
  fromZeroRange,
  LOSS_MEAN_POINTS,
  type Columns,
} from "./series.ts";

/** Colours that charts use, by the names of the custom properties in `styles/theme.css`. */
export type ChartColour =
  "trained" | "deployed" | "dense" | "loss" | "faint" | "grid" | "muted" | "warning" | "drift";

/** Columns of the charts of a status. */
type StatusColumn = Exclude<keyof Columns, "samples">;

/** What a plot is drawn from: its columns by name, and the samples that they belong to. */
export type PlotColumns<Column extends string = StatusColumn> = {
  readonly samples: readonly number[];
} & { readonly [K in Column]: readonly (number | null)[] };

/** A tinted part of the vertical axis. */
export interface Band {
  readonly from: number;
  readonly to: number;
  readonly colour: ChartColour;
}

/** A moment that is marked by a vertical line. */
export interface Mark {
  readonly samples: number;
  readonly colour: ChartColour;
  readonly dash: readonly number[];
}

/** One line of a plot. */
export interface Line<Column extends string = StatusColumn> {
  readonly column: Column;
  readonly label: string;
  readonly colour: ChartColour;
  readonly width: number;
  /** Lengths of strokes and gaps; empty for a solid line. A second sign beside the colour. */
  readonly dash: readonly number[];
  /** Whether the area below is tinted. */
  readonly filled?: boolean;
}

/** One chart of the page: what it draws and how its values read. */
export interface Plot<Column extends string = StatusColumn> {
  readonly id: string;
  readonly title: string;
  readonly subtitle: string;
  readonly lines: readonly Line<Column>[];
  /** What the horizontal axis counts. @default samples that were learned */
  readonly axis?: string;
  /** Parts of the vertical axis, behind the lines. */
  readonly bands?: readonly Band[];
  readonly scale: "linear" | "logarithmic";
  readonly range: (minimum: number | null, maximum: number | null) => [number, number];
  /** A value of the axis. */
  readonly tick: (value: number) => string;
  /** A value of the legend. */
  readonly value: (value: number | null) => string;
}

/** Trained and deployed accuracy: does the sparse copy keep up? */
export const accuracyPlot: Plot = {
  id: "accuracy",
  title: "Accuracy",
  subtitle: "Last 1,000 samples, each tested before it was learned",
  lines: [
    {
      column: "deployed",
      label: "Deployed",
      colour: "deployed",
      width: 2.5,
      dash: [],
      filled: true,
    },
    // On top and dashed: where the two agree, both still show.
    { column: "trained", label: "Trained", colour: "trained", width: 1.75, dash: [6, 5] },
  ],
  scale: "linear",
  range: (minimum) => accuracyRange(minimum),
  tick: formatRatio,
  value: formatAccuracy,
};

/** Bytes of each update against the size of the model. */
export const updateBytesPlot: Plot = {
  id: "update-bytes",
  title: "Bytes per update",
  subtitle: "Against sending the whole model, logarithmic",
  lines: [
    { column: "denseBytes", label: "Whole model", colour: "dense", width: 1.5, dash: [3, 4] },
    { column: "updateBytes", label: "Update", colour: "deployed", width: 2, dash: [] },
  ],
  scale: "logarithmic",
  range: decadeRange,
  tick: formatBytesTick,
  value: formatBytes,
};

/** Training loss, each batch and its trend. */
export const lossPlot: Plot = {
  id: "loss",
  title: "Loss",
  subtitle: "Mean over the batch of each step",
  lines: [
    { column: "loss", label: "Step", colour: "faint", width: 1.25, dash: [] },
    {
      column: "lossMean",
      label: `Mean of ${LOSS_MEAN_POINTS} points`,
      colour: "loss",
      width: 2,
      dash: [],
    },
  ],
  scale: "linear",
  range: (_minimum, maximum) => fromZeroRange(maximum),
  tick: formatTick,
  value: formatFigure,
};

/** What a chart says to those who cannot see it, at one point. */
export function plotText<Column extends string>(
  plot: Plot<Column>,
  columns: PlotColumns<Column>,
  index: number,
): string {
  const samples = columns.samples[index] ?? 0;
  const values = plot.lines.map(
    (line) => `${line.label} ${plot.value(columns[line.column][index] ?? null)}`,
  );
  return `${formatCount(samples)} samples: ${values.join(", ")}`;
}
