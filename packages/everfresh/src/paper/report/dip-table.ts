import { continuationLabel } from "../continuation.ts";
import { type RowResult, WINDOW_SAMPLES } from "../row-result.ts";
import { type ContinuedRow, rowLabel, rowName, type RowSpec } from "../row-spec.ts";
import { warmStartRows } from "../studies.ts";
import { dipOf } from "./dip.ts";
import { markdownTable, numberCell } from "./markdown-table.ts";
import type { TableContext } from "./paper-tables.ts";

/** A row of the table, by what it is called there. */
type Line = readonly [label: string, row: RowSpec];

const AS_THE_PAPER = "as the paper: moments go on";
const NO_DIP = "–";

/** How far rows fall below the frozen model at first, and what mends it; empty without such rows. */
export function dipTables(context: TableContext, rows: readonly RowResult[]): readonly string[] {
  const { experiment, summaries } = context;
  const remedies = warmStartRows();
  if (!remedies.some((row) => summaries.has(rowName(row)))) return [];
  const trained: RowSpec = { kind: "proactive", triggerSize: Math.min(...experiment.triggerSizes) };
  const copies = experiment.ratios.map((ratio): Line => {
    const copy: RowSpec = { kind: "weights", compression: { selector: "topK", ratio } };
    return [`copy, ${rowLabel(copy)}`, copy];
  });
  const averages: readonly RowSpec[] = [
    ...remedies.filter(({ kind }) => kind === "average"),
    { kind: "average", decay: 0.999 },
  ];
  const proactive: readonly Line[] = [
    ["frozen", { kind: "frozen" }],
    [AS_THE_PAPER, trained],
    ...remediesOf(remedies, "proactive"),
    ...copies,
    ...averages.map((row): Line => [
      row.kind === "average" ? `average of θ, ${row.decay}` : "",
      row,
    ]),
  ];
  const online = [[AS_THE_PAPER, { kind: "online" }] as const, ...remediesOf(remedies, "online")];
  return [
    "The dip at the start: the largest frozen − trained accuracy in a window of " +
      `${numberCell(WINDOW_SAMPLES, 0)} samples, in points of a hundred.`,
    dipTable(rowLabel(trained), proactive, { context, rows }),
    dipTable(rowLabel({ kind: "online" }), online, { context, rows }),
  ];
}

function remediesOf(rows: readonly RowSpec[], strategy: ContinuedRow["strategy"]): readonly Line[] {
  return rows.flatMap((row): readonly Line[] =>
    row.kind === "continued" && row.strategy === strategy ? [[continuationLabel(row), row]] : [],
  );
}

function dipTable(
  title: string,
  lines: readonly Line[],
  { context, rows }: { readonly context: TableContext; readonly rows: readonly RowResult[] },
): string {
  const named = (name: string): readonly RowResult[] => rows.filter((row) => row.name === name);
  const frozen = named("frozen");
  const samples = (dipOf(frozen, frozen)?.windows ?? 0) * WINDOW_SAMPLES;
  const until = `accuracy, first ${numberCell(samples, 0)}`;
  return markdownTable(
    [title, "dip of each seed", "of the mean", until, "last five", "cumulative"],
    lines.flatMap(([label, row]) => {
      const name = rowName(row);
      const summary = context.summaries.get(name);
      if (summary === undefined) return [];
      const dip = dipOf(named(name), frozen);
      const isFalling = dip !== null && row.kind !== "frozen";
      return [
        [
          label,
          isFalling ? dip.ofSeeds.map((of) => points(of, 1)).join(", ") : NO_DIP,
          isFalling ? points(dip.ofMean, 2) : NO_DIP,
          numberCell(dip?.accuracy, 4),
          numberCell(summary.lastCheckpointsAccuracy, 4),
          numberCell(summary.cumulativeAccuracy, 4),
        ],
      ];
    }),
  );
}

/** Never "-0.0". */
function points(value: number, decimals: number): string {
  return (Number(value.toFixed(decimals)) + 0).toFixed(decimals);
}
