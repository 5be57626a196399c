import { rowLabel, rowName, type RowSpec } from "../row-spec.ts";
import { COLOURS, legend, lineChart, scatterChart, type Series } from "./chart.ts";
import type { TableContext } from "./paper-tables.ts";
import type { RowSummary } from "./row-summary.ts";
import { svgDocument, text } from "./svg.ts";

const WIDTH = 860;
const HEIGHT = 420;
const LEGEND_WIDTH = 200;
/** The first samples say little: a curve over few of them jumps. */
const SKIPPED_SHARE = 0.02;

/** Accuracy over samples: the paper's first figure. */
export function accuracyFigure(context: TableContext): string {
  const { experiment, model } = context;
  const skipped = SKIPPED_SHARE * experiment.streamSamples;
  const series = shownRows(context)
    .filter(({ row }) => row.curve.length > 0)
    .map(({ row, label, colour, dash }): Series => {
      const curve = row.curve.filter(({ samples }) => samples >= skipped);
      const points = curve.map(({ samples, accuracy }) => [samples, accuracy] as const);
      return { label, colour, points, ...(dash === undefined ? {} : { dash }) };
    })
    .filter(({ points }) => points.length > 0)
    .sort((a, b) => (b.points.at(-1)?.[1] ?? 0) - (a.points.at(-1)?.[1] ?? 0));
  const title = `${model}: accuracy on all samples of the stream so far, each tested before it was learned`;
  return svgDocument({ width: WIDTH, height: HEIGHT, title }, [
    ...lineChart({
      frame: { left: 4, top: 8, width: WIDTH - LEGEND_WIDTH, height: HEIGHT - 16 },
      x: { label: "samples of the stream", scale: "linear" },
      y: { label: "cumulative accuracy", scale: "linear" },
      series,
    }),
    ...legend(series, { left: WIDTH - LEGEND_WIDTH + 16, top: 30 }),
  ]);
}

/** Accuracy against what it costs: seconds of training, bytes on the wire. */
export function costFigure(context: TableContext): string {
  const rows = shownRows(context).filter(({ row }) => row.cumulativeAccuracy !== null);
  const seriesOf = (cost: (row: RowSummary) => number): readonly Series[] =>
    rows.flatMap(({ row, label, colour }): readonly Series[] => {
      const [x, y] = [cost(row), row.cumulativeAccuracy ?? 0];
      return x > 0 ? [{ label, colour, points: [[x, y]] }] : [];
    });
  const width = WIDTH / 2;
  const frame = { top: 28, width: width - 4, height: HEIGHT - 36 };
  const y = { label: "cumulative accuracy", scale: "linear" } as const;
  const title = `${context.model}: accuracy against seconds of training and against bytes on the wire`;
  const heading = { "text-anchor": "middle", "font-weight": "bold" };
  return svgDocument({ width: WIDTH, height: HEIGHT, title }, [
    text("against time", { x: width / 2 + 24, y: 20, ...heading }),
    ...scatterChart({
      frame: { left: 4, ...frame },
      x: { label: "seconds: training, selection, encoding", scale: "log" },
      y,
      series: seriesOf(({ cost }) => cost.training + cost.selection + cost.encoding),
    }),
    text("against bytes", { x: 1.5 * width + 24, y: 20, ...heading }),
    ...scatterChart({
      frame: { left: width, ...frame },
      x: { label: "bytes to each replica, all updates", scale: "log", format: bytesTick },
      y,
      series: seriesOf(({ bytesPerUpdate, updates }) => (bytesPerUpdate ?? 0) * updates),
    }),
  ]);
}

const UNITS: readonly (readonly [number, string])[] = [
  [1e9, "GB"],
  [1e6, "MB"],
  [1e3, "kB"],
];

function bytesTick(value: number): string {
  const [size, unit] = UNITS.find(([least]) => value >= least) ?? [1, "B"];
  return `${value / size} ${unit}`;
}

interface ShownRow {
  readonly row: RowSummary;
  readonly label: string;
  readonly colour: string;
  readonly dash?: string;
}

/** The rows of the paper's figures, with ours beside them: what can be told apart in one picture. */
function shownRows({ experiment, summaries }: TableContext): readonly ShownRow[] {
  const [slowest, fastest] = [
    Math.max(...experiment.triggerSizes),
    Math.min(...experiment.triggerSizes),
  ];
  const [blue, orange, green, pink, yellow, sky, black, grey] = COLOURS;
  type Look = readonly [row: RowSpec, colour: string | undefined, dash?: string];
  const copies = experiment.ratios.map((ratio, i): Look => {
    const row = { kind: "weights", compression: { selector: "topK", ratio } } as const;
    return [row, [green, sky, pink][i]];
  });
  const gradients = experiment.ratios.map((ratio, i): Look => {
    const compression = { selector: "topK", ratio } as const;
    return [{ kind: "gradients", optimizer: "adam", compression }, [green, sky, pink][i], "4 3"];
  });
  const looks: readonly Look[] = [
    [{ kind: "frozen" }, grey, "2 3"],
    [{ kind: "fullRetraining", on: "past" }, orange],
    [{ kind: "online" }, yellow],
    [{ kind: "proactive", triggerSize: slowest }, blue, "6 3"],
    [{ kind: "proactive", triggerSize: fastest }, blue],
    ...copies,
    [{ kind: "average", decay: 0.999 }, black, "1 2"],
    ...gradients,
  ];
  return looks.flatMap(([spec, colour, dash]): readonly ShownRow[] => {
    const row = summaries.get(rowName(spec));
    if (row === undefined || colour === undefined) return [];
    return [{ row, label: rowLabel(spec), colour, ...(dash === undefined ? {} : { dash }) }];
  });
}
