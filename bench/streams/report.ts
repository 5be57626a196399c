import {
  COLOURS,
  legend,
  lineChart,
  type Series,
} from "../../packages/everfresh/src/paper/report/chart.ts";
import { svgDocument, text } from "../../packages/everfresh/src/paper/report/svg.ts";
import type { StreamExperiment } from "./experiments.ts";
import type { PeerReport } from "./peer-check.ts";
import type { StreamRow } from "./row.ts";
import type { NamedStrategy } from "./strategies.ts";
import { type RowSummary, type Spread, spreadOf } from "./summary.ts";

/** One stream with labels that come so late. */
export interface StreamResult {
  readonly name: string;
  readonly experiment: StreamExperiment;
  readonly lag: number;
  readonly rows: readonly StreamRow[];
  readonly summaries: readonly RowSummary[];
}

/** A table for Markdown of everything about one stream. */
export function detailTable({ experiment, lag, rows, summaries }: StreamResult): string {
  const references = experiment.strategies.filter(
    ({ name, isReference }) => isReference === true && rows.some((row) => row.strategy === name),
  );
  const hasRecovery = references.length > 0;
  const seeds = new Set(rows.map(({ seed }) => seed)).size;
  const samples = rows[0]?.samples ?? 0;
  const head = ["strategy", "accuracy, %", "below the best", "Kappa-temporal", "steps", "seconds"];
  const recovered = [
    ...references.map(({ label }) => `samples until within 1 point of: ${label}`),
    "accuracy since the change, %",
  ];
  const baseline = (label: string, accuracy: number): readonly string[] => [
    ...[label, percent(accuracy), "", "", "", ""],
    ...(hasRecovery ? recovered.map(() => "") : []),
  ];
  const lines = summaries.map((each) => [
    each.label,
    spread(each.accuracy),
    points(each.belowBest),
    each.kappaTemporal.mean.toFixed(3),
    whole(each.steps),
    each.seconds.toFixed(1),
    ...(hasRecovery ? recoveryCells(each, references) : []),
  ]);
  const mean = (value: (row: StreamRow) => number): number => spreadOf(rows.map(value)).mean;
  return [
    `${experiment.title}, ${whole(samples)} samples, labels ${lag} samples late, ${seeds} seeds:`,
    "",
    markdownTable(
      [...head, ...(hasRecovery ? recovered : [])],
      [
        baseline(
          "last label",
          mean(({ noChangeAccuracy }) => noChangeAccuracy),
        ),
        baseline(
          "most frequent label",
          mean(({ majorityAccuracy }) => majorityAccuracy),
        ),
        ...lines,
      ],
    ),
  ].join("\n");
}

/** A table for Markdown of accuracies: a strategy per line, a stream and lag per column. */
export function overviewTable(results: readonly StreamResult[]): string {
  const labels = new Map(
    results.flatMap(({ summaries }) => summaries.map(({ strategy, label }) => [strategy, label])),
  );
  const head = results.map(({ experiment, lag }) => `${experiment.title}, ${lag} late`);
  const cell = ({ summaries }: StreamResult, strategy: string): string => {
    const found = summaries.find((each) => each.strategy === strategy);
    if (found === undefined) return "";
    const isBest = found.belowBest <= 0;
    const accuracy = `${spread(found.accuracy)} (${points(found.belowBest)})`;
    return isBest ? `**${accuracy}**` : accuracy;
  };
  const mean = (rows: readonly StreamRow[], value: (row: StreamRow) => number): string =>
    percent(spreadOf(rows.map(value)).mean);
  const worst = (strategy: string): string => {
    const gaps = results.flatMap(({ summaries }) =>
      summaries.filter((each) => each.strategy === strategy).map(({ belowBest }) => belowBest),
    );
    return points(Math.max(...gaps));
  };
  return markdownTable(
    ["strategy", ...head, "most below"],
    [
      [
        "last label",
        ...results.map(({ rows }) => mean(rows, ({ noChangeAccuracy }) => noChangeAccuracy)),
        "",
      ],
      ...[...labels].map(([strategy, label]) => [
        label,
        ...results.map((result) => cell(result, strategy)),
        worst(strategy),
      ]),
    ],
  );
}

/** A table for Markdown: ours beside PyTorch and River. */
export function peerTable(
  experiment: StreamExperiment,
  seed: number,
  { torch, river, rows }: PeerReport,
): string {
  const peers = `PyTorch ${torch ?? "is not there"}, River ${river ?? "is not there"}`;
  return [
    `${experiment.title}, seed ${seed}, beside ${peers}:`,
    "",
    markdownTable(
      ["strategy", "labels late", "ours, %", "theirs, %", "same outcome, %"],
      rows.map(({ strategy, lag, ours, theirs, alike }) => [
        ...[strategy, whole(lag), percent(ours), percent(theirs)],
        alike === null ? "" : percent(alike),
      ]),
    ),
  ].join("\n");
}

const WIDTH = 900;
const HEIGHT = 400;
const LEGEND_WIDTH = 200;

/** Accuracy over the newest 500 samples, of some strategies, the mean over the seeds. */
export function accuracyFigure(
  { experiment, lag, rows, summaries }: StreamResult,
  shown: readonly string[],
): string {
  const series = shown.flatMap((strategy, i): readonly Series[] => {
    const own = rows.filter((row) => row.strategy === strategy);
    const label = summaries.find((each) => each.strategy === strategy)?.label;
    if (own.length === 0 || label === undefined) return [];
    const isReference = experiment.strategies.find(({ name }) => name === strategy)?.isReference;
    const look = { label, colour: COLOURS[i % COLOURS.length] ?? "#000" };
    const dash = isReference === true ? { dash: "2 3" } : {};
    return [{ ...look, ...dash, points: meanCurve(own, experiment.initialSamples) }];
  });
  const late = lag === 0 ? "" : `, labels ${lag} samples late`;
  const title = `${experiment.title}${late}: accuracy over the newest 500 samples`;
  return svgDocument({ width: WIDTH, height: HEIGHT, title }, [
    text(title, { x: 60, y: 20, "font-weight": "bold" }),
    ...lineChart({
      frame: { left: 4, top: 28, width: WIDTH - LEGEND_WIDTH, height: HEIGHT - 36 },
      x: { label: "samples", scale: "linear" },
      y: { label: "accuracy", scale: "linear" },
      series,
    }),
    ...legend(series, { left: WIDTH - LEGEND_WIDTH + 16, top: 50 }),
  ]);
}

/** Points of a figure at most: more than it has pixels is of no use. */
const POINTS_MAX = 320;

function meanCurve(
  rows: readonly StreamRow[],
  initialSamples: number,
): readonly (readonly [number, number])[] {
  const [first] = rows;
  if (first === undefined) return [];
  const start = Math.round(first.scale * initialSamples);
  const stride = Math.ceil(first.curve.length / POINTS_MAX);
  return first.curve.flatMap((_, i): readonly (readonly [number, number])[] => {
    if (i % stride !== stride - 1) return [];
    const accuracy = spreadOf(rows.map(({ curve }) => curve[i] ?? 0)).mean;
    return [[start + (i + 1) * first.curveEvery, accuracy]];
  });
}

function recoveryCells(
  { recovery }: RowSummary,
  references: readonly NamedStrategy[],
): readonly string[] {
  if (recovery === undefined) return [...references.map(() => ""), ""];
  const written = (samples: readonly (number | null)[]): string =>
    samples.map((each) => (each === null ? "never" : whole(each))).join(", ");
  return [
    ...references.map(({ name }) => written(recovery.samples[name] ?? [])),
    spread(recovery.accuracyAfter),
  ];
}

function markdownTable(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [row(head), row(head.map(() => "---")), ...lines.map(row)].join("\n");
}

function spread({ mean, deviation }: Spread): string {
  return `${percent(mean)} ± ${percent(deviation)}`;
}

function percent(share: number): string {
  return (100 * share).toFixed(2);
}

function points(share: number): string {
  // A reference may be better than the best, and is no rival.
  if (share < 0) return "";
  return share === 0 ? "best" : `-${percent(share)}`;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
