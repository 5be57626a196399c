import { rateLabel } from "../continuation.ts";
import type { RowResult } from "../row-result.ts";
import { rowLabel, rowName, type RowSpec } from "../row-spec.ts";
import { SCHEDULE_COPY_RATIOS, scheduleCopy, scheduleRows } from "../studies.ts";
import { markdownTable, numberCell } from "./markdown-table.ts";
import type { TableContext } from "./paper-tables.ts";

/** A row of the table, with the copies that follow it. */
type Line = readonly [label: string, row: RowSpec, copies: readonly RowSpec[]];

/** Copies of the state whose rate is the paper's, in the order of {@link SCHEDULE_COPY_RATIOS}. */
const PAPERS_COPIES = SCHEDULE_COPY_RATIOS.map(
  (ratio) => ({ kind: "weights", compression: { selector: "topK", ratio } }) as const,
);

/** Learning rates over the stream, beside full retraining; empty without such rows. */
export function scheduleTable(
  { experiment, summaries }: TableContext,
  rows: readonly RowResult[],
): readonly string[] {
  const schedules = scheduleRows();
  if (!schedules.some((row) => summaries.has(rowName(row)))) return [];
  const trained: RowSpec = { kind: "proactive", triggerSize: Math.min(...experiment.triggerSizes) };
  const lines: readonly Line[] = [
    ["full retraining", { kind: "fullRetraining", on: "past" }, []],
    ["as the paper: one rate", trained, PAPERS_COPIES],
    ...schedules.flatMap((row): readonly Line[] => {
      if (row.kind !== "continued") return [];
      const copies = SCHEDULE_COPY_RATIOS.map((ratio) => scheduleCopy(row, ratio));
      return [[rateLabel(row.rate), row, copies]];
    }),
  ];
  const copyHeads = PAPERS_COPIES.flatMap((copy) => [`${rowLabel(copy)}: cumulative`, "last five"]);
  const table = markdownTable(
    [rowLabel(trained), "cumulative", "of each seed", "last five", "final", ...copyHeads],
    lines.flatMap(([label, row, copies]) => {
      const [own, ...followers] = [row, ...copies].map((each) => summaries.get(rowName(each)));
      if ([own, ...followers].every((summary) => summary === undefined)) return [];
      const seeds = rows.filter(({ name }) => name === rowName(row));
      return [
        [
          label,
          numberCell(own?.cumulativeAccuracy, 4),
          seeds.map(({ cumulativeAccuracy: of }) => numberCell(of, 4)).join(", "),
          numberCell(own?.lastCheckpointsAccuracy, 4),
          numberCell(own?.finalTestAccuracy, 4),
          ...PAPERS_COPIES.flatMap((_, i) => [
            numberCell(followers[i]?.cumulativeAccuracy, 4),
            numberCell(followers[i]?.lastCheckpointsAccuracy, 4),
          ]),
        ],
      ];
    }),
  );
  return [
    "Learning rates over the stream: all begin with the moments of the initial training.",
    table,
  ];
}
