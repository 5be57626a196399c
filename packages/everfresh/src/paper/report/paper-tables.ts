import type { Experiment } from "../experiment.ts";
import { rowLabel, rowName, type Compression, type RowSpec } from "../row-spec.ts";
import { markdownTable, numberCell } from "./markdown-table.ts";
import type { RowSummary } from "./row-summary.ts";

/** The means of all rows that there are, by their names. */
export type Summaries = ReadonlyMap<string, RowSummary>;

/** What a table is about. */
export interface TableContext {
  readonly experiment: Experiment;
  readonly model: string;
  readonly summaries: Summaries;
}

const PAST: RowSpec = { kind: "fullRetraining", on: "past" };
const WHOLE: RowSpec = { kind: "fullRetraining", on: "everything" };
const ONLINE: RowSpec = { kind: "online" };

/** Table 1 of the paper: total training time. Steps stand beside it, which no machine changes. */
export function trainingTimeTable({ experiment, model, summaries }: TableContext): string {
  const rows: readonly RowSpec[] = [
    PAST,
    ONLINE,
    ...experiment.triggerSizes.map((triggerSize) => ({ kind: "proactive", triggerSize }) as const),
  ];
  const found = rows.map((row) => summaries.get(rowName(row)));
  const [retraining, proactive] = [found[0], found.at(-1)];
  const ratio = (of: (row: RowSummary) => number): string =>
    retraining === undefined || proactive === undefined
      ? numberCell(null, 0)
      : numberCell(of(retraining) / of(proactive), 2);
  return markdownTable(
    ["", ...rows.map(rowLabel), `FR / ${rowLabel(smallest(experiment))}`],
    [
      [
        `${model}, seconds`,
        ...found.map((row) => numberCell(row?.trainSeconds, 1)),
        ratio(({ trainSeconds }) => trainSeconds),
      ],
      [
        `${model}, steps`,
        ...found.map((row) => numberCell(row?.steps, 0)),
        ratio(({ steps }) => steps),
      ],
    ],
  );
}

function smallest({ triggerSizes }: Experiment): RowSpec {
  return { kind: "proactive", triggerSize: Math.min(...triggerSizes) };
}

/** The ways in which a sparse row comes about, with the row of a compression. */
const MODES: readonly {
  readonly title: string;
  readonly row: (compression: Compression) => RowSpec;
}[] = [
  { title: "weights", row: (compression) => ({ kind: "weights", compression }) },
  {
    title: "gradients, Adam",
    row: (compression) => ({ kind: "gradients", optimizer: "adam", compression }),
  },
  {
    title: "gradients, SGD",
    row: (compression) => ({ kind: "gradients", optimizer: "sgd", compression }),
  },
];

function compressionsOf({ ratios }: Experiment): readonly Compression[] {
  return [
    ...ratios.map((ratio) => ({ selector: "topK", ratio }) as const),
    ...ratios.map((ratio) => ({ selector: "randomK", ratio }) as const),
  ];
}

/** Modes of which there is at least one row, with their rows in the order of the compressions. */
function sparseRows({ experiment, summaries }: TableContext): readonly {
  readonly title: string;
  readonly rows: readonly (RowSummary | undefined)[];
}[] {
  return MODES.map(({ title, row }) => ({
    title,
    rows: compressionsOf(experiment).map((each) => summaries.get(rowName(row(each)))),
  })).filter(({ rows }) => rows.some((row) => row !== undefined));
}

function compressionLabels(experiment: Experiment): readonly string[] {
  return compressionsOf(experiment).map((compression) =>
    rowLabel({ kind: "weights", compression }),
  );
}

/**
 * Table 2 of the paper: entries per iteration and time. Beside it how many weights really change, and
 * what really goes over the wire.
 */
export function updateTable(context: TableContext): string {
  const { experiment, model, summaries } = context;
  const proactive = summaries.get(rowName(smallest(experiment)));
  type Cell = readonly [string, (row: RowSummary) => number | null, number];
  const cells: readonly Cell[] = [
    ["entries chosen", ({ entriesPerUpdate }) => entriesPerUpdate, 0],
    ["weights changed", ({ changedPerUpdate }) => changedPerUpdate, 0],
    ["bytes", ({ bytesPerUpdate }) => bytesPerUpdate, 0],
    ["time (s)", timeOf, 1],
  ];
  return markdownTable(
    [`${model}, per update`, rowLabel(smallest(experiment)), ...compressionLabels(experiment)],
    sparseRows(context).flatMap(({ title, rows }) =>
      cells.map(([what, of, decimals]) => [
        `${title}: ${what}`,
        ...[proactive, ...rows].map((row) => numberCell(row && of(row), decimals)),
      ]),
    ),
  );
}

/** Training, and what deployment adds to it. */
function timeOf({ cost }: RowSummary): number {
  return cost.training + cost.selection + cost.encoding;
}

/** Table 3 of the paper: accuracy on the test set; and on the stream, as in its figures. */
export function accuracyTable(context: TableContext): string {
  const { experiment, model, summaries } = context;
  const dense: readonly RowSpec[] = [{ kind: "frozen" }, WHOLE, PAST, ONLINE, smallest(experiment)];
  const denseRows = dense.map((row) => summaries.get(rowName(row)));
  type Cell = readonly [string, (row: RowSummary) => number | null];
  const cells: readonly Cell[] = [
    ["final", ({ finalTestAccuracy }) => finalTestAccuracy],
    ["last five", ({ lastCheckpointsAccuracy }) => lastCheckpointsAccuracy],
    ["cumulative", ({ cumulativeAccuracy }) => cumulativeAccuracy],
  ];
  const labels = dense.map((row) => (row === PAST ? "FR last" : rowLabel(row)));
  const groups = sparseRows(context);
  return markdownTable(
    [model, ...labels, ...compressionLabels(experiment)],
    (groups.length === 0 ? [{ title: "dense", rows: [] }] : groups).flatMap(({ title, rows }) =>
      cells.map(([what, of]) => [
        `${title}: ${what}`,
        ...[...denseRows, ...rows].map((row) => numberCell(row && of(row), 4)),
      ]),
    ),
  );
}

/** Every row with all that was measured. */
export function allRowsTable({ summaries }: TableContext, rows: readonly RowSpec[]): string {
  const seconds = (value: number): string => numberCell(value, 1);
  return markdownTable(
    [
      ...["row", "cumulative", "± half spread", "final", "last five", "steps", "entries"],
      ...["changed", "bytes", "preprocess s", "train s", "evaluate s", "select s", "encode s"],
    ],
    rows.flatMap((spec) => {
      const row = summaries.get(rowName(spec));
      if (row === undefined) return [];
      const { cost, cumulativeSpread: spread } = row;
      return [
        [
          `\`${row.name}\``,
          numberCell(row.cumulativeAccuracy, 4),
          numberCell(spread === null ? null : spread / 2, 4),
          numberCell(row.finalTestAccuracy, 4),
          numberCell(row.lastCheckpointsAccuracy, 4),
          numberCell(row.steps, 0),
          numberCell(row.entriesPerUpdate, 0),
          numberCell(row.changedPerUpdate, 0),
          numberCell(row.bytesPerUpdate, 0),
          seconds(cost.preprocessing),
          seconds(cost.training),
          seconds(cost.evaluation),
          seconds(cost.selection),
          seconds(cost.encoding),
        ],
      ];
    }),
  );
}
