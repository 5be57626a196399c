import type { Experiment } from "../experiment.ts";
import type { ExperimentResult } from "../experiment-run.ts";
import { allRows } from "../matrix.ts";
import type { RowResult } from "../row-result.ts";
import { dipTables } from "./dip-table.ts";
import { accuracyFigure, costFigure } from "./figures.ts";
import { markdownTable } from "./markdown-table.ts";
import {
  accuracyTable,
  allRowsTable,
  type TableContext,
  trainingTimeTable,
  updateTable,
} from "./paper-tables.ts";
import { type Relation, relationsOf } from "./relations.ts";
import { summariesOf } from "./row-summary.ts";
import { scheduleTable } from "./schedule-table.ts";

/** What a report is about. */
export interface ReportOptions {
  readonly experiment: Experiment;
  readonly model: string;
  /** Share of the samples. */
  readonly scale: number;
  /** What the data are. */
  readonly data: string;
  /** Whether weights came from a file. */
  readonly isInitialised: boolean;
  readonly result: ExperimentResult;
}

/** A row without what only figures need. */
export type ReportedRow = Omit<RowResult, "curve" | "windows">;

/** The document that `--json` prints. */
export interface PaperDocument {
  readonly experiment: string;
  readonly model: string;
  readonly epochs: number;
  readonly scale: number;
  readonly data: string;
  readonly initial: ExperimentResult["initial"];
  readonly rows: readonly ReportedRow[];
  /** Of all samples: with fewer nothing is expected. */
  readonly relations: readonly Relation[];
}

/** Everything about an experiment as one document. */
export function documentOf(options: ReportOptions): PaperDocument {
  const { experiment, model, scale, data, result } = options;
  return {
    experiment: experiment.name,
    model,
    epochs: experiment.epochs,
    scale,
    data,
    initial: result.initial,
    rows: result.rows.map(({ curve: _curve, windows: _windows, ...row }) => row),
    relations: scale === 1 ? relationsOf(contextOf(options)) : [],
  };
}

/** The tables of the paper in Markdown, with a caption that says what they were made with. */
export function reportText(options: ReportOptions): string {
  const { experiment, scale, data, result } = options;
  const context = contextOf(options);
  const seeds = [...new Set(result.rows.map(({ seed }) => seed))];
  const { epochs, initialSamples, streamSamples } = experiment;
  const caption = [
    `Data: ${data}; ${count(initialSamples)} samples known before the stream, ${count(streamSamples)} in it`,
    scale === 1 ? "" : ` (scale ${scale})`,
    `; ${epochs} epochs of initial training and of each full retraining; mean of `,
    `${seeds.length === 1 ? "seed" : "seeds"} ${seeds.join(", ")}. `,
    beginningOf(options),
    " Seconds and steps are without the initial training.",
  ].join("");
  const relations = scale === 1 ? relationsOf(context) : [];
  return [
    `### ${context.model}, ${experiment.name}, ${epochs} epochs`,
    caption,
    "Training time (the paper's Table 1).",
    trainingTimeTable(context),
    "Updates (Table 2). Time is training, selection and encoding.",
    updateTable(context),
    "Accuracy (Table 3): on the test set after the stream, as the mean of the tests after 80, 85, 90, 95 and 100 % of it, and cumulative on the stream.",
    accuracyTable(context),
    "All rows.",
    allRowsTable(context, allRows(experiment)),
    ...dipTables(context, result.rows),
    ...scheduleTable(context, result.rows),
    ...(relations.length === 0 ? [] : ["Expected relations.", relationTable(relations)]),
    "",
  ].join("\n\n");
}

/** Where the weights came from before the initial training. */
function beginningOf({ isInitialised, experiment }: ReportOptions): string {
  if (isInitialised) return "Weights from a file.";
  return experiment.name === "mnist"
    ? "Weights from scratch."
    : "Weights from scratch, not from ImageNet as in the paper: only relations are claimed.";
}

function relationTable(relations: readonly Relation[]): string {
  return markdownTable(
    ["expected", "found", ""],
    relations.map(({ expected, found, holds }) => [expected, found, holds ? "holds" : "does not"]),
  );
}

/** The figures, by the names of their files. */
export function figuresOf(options: ReportOptions): ReadonlyMap<string, string> {
  const context = contextOf(options);
  return new Map([
    ["accuracy-over-samples.svg", accuracyFigure(context)],
    ["accuracy-against-cost.svg", costFigure(context)],
  ]);
}

function contextOf({ experiment, model, result }: ReportOptions): TableContext {
  return { experiment, model, summaries: summariesOf(result.rows) };
}

function count(samples: number): string {
  return samples.toLocaleString("en");
}
