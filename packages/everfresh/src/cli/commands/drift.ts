import { Command, Option } from "commander";
import type { DriftRecord, DriftSignalStatus } from "@everfresh/sync";
import { type DriftReport, driftReport } from "../../drift/drift-report.ts";
import { NoDriftRecordError } from "../../errors.ts";
import { findStateDirectory } from "../../state/state-directory.ts";
import { addJsonOption, addStateOption, versionNumber } from "../options.ts";
import { type RunPlaceOptions, stateDirectoryOf } from "../state-option.ts";
import { percent, table } from "../terminal.ts";

interface DriftCommandOptions extends RunPlaceOptions {
  readonly json: boolean;
  readonly after?: number;
}

const NONE = "–";

/** `everfresh drift`: what a run has seen of changes in its stream, and what it did about them. */
export function driftCommand(): Command {
  const command = new Command("drift")
    .summary("what a run has seen of drift, and what it did about it")
    .description(
      "Shows what a run has seen of changes in its stream. While the run goes on it is asked, " +
        "otherwise what it left in its state directory is shown.",
    );
  command.addCommand(statusCommand());
  command.addCommand(historyCommand());
  command.addCommand(explainCommand());
  return command;
}

function statusCommand(): Command {
  return placed(
    new Command("status")
      .summary("the verdict, and every signal")
      .description(
        "Shows the verdict of now, how it comes about, and every signal with its bounds.",
      ),
  ).action(async (options: DriftCommandOptions) => {
    show(await reportOf(options, null), options, statusText);
  });
}

function historyCommand(): Command {
  const command = new Command("history")
    .summary("warnings and drifts so far, and what was done about them")
    .description(
      "Lists the newest warnings and drifts, whether labels confirmed them, and what was done.",
    )
    .addOption(
      new Option("--after <id>", "those that follow this record").argParser(versionNumber),
    );
  return placed(command).action(async (options: DriftCommandOptions) => {
    show(await reportOf(options, options.after ?? null), options, historyText);
  });
}

function explainCommand(): Command {
  const command = new Command("explain")
    .summary("why there is a verdict, or was one")
    .description(
      "Explains a record in sentences: what was seen and since when, whether labels agree, what was " +
        "done and which versions that led to. Without a number, the newest one.",
    )
    .argument("[id]", "number of the record", versionNumber);
  return placed(command).action(async (id: number | undefined, options: DriftCommandOptions) => {
    const report = await reportOf(options, id === undefined ? null : Math.max(0, id - 1));
    const record =
      id === undefined
        ? (report.records.at(-1) ?? null)
        : (report.records.find((each) => each.id === id) ?? null);
    if (record === null && id !== undefined) throw new NoDriftRecordError(id);
    const { model, live, at, status } = report;
    const { verdict, explanation } = status;
    const document = { model, live, at, verdict, explanation, record };
    const text = options.json ? JSON.stringify(document, null, 2) : explainText(report, record);
    process.stdout.write(`${text}\n`);
  });
}

function placed(command: Command): Command {
  command.option("--config <file>", "configuration file (TypeScript or JavaScript)");
  return addStateOption(addJsonOption(command));
}

async function reportOf(options: RunPlaceOptions, after: number | null): Promise<DriftReport> {
  return driftReport(findStateDirectory(await stateDirectoryOf(options)), after);
}

function show(
  report: DriftReport,
  { json }: DriftCommandOptions,
  textOf: (report: DriftReport) => string,
): void {
  process.stdout.write(`${json ? JSON.stringify(report, null, 2) : textOf(report)}\n`);
}

function statusText(report: DriftReport): string {
  const { status, webhook } = report;
  const { verdict, likelihood, withinSamples, explanation, families, signals } = status;
  const recent = `${percent(likelihood)} within the last ${count(withinSamples)} samples`;
  return [
    `${titleOf(report)}: ${verdict}`,
    ...(explanation === "" ? [] : [explanation]),
    ...table([
      ["likelihood of a change", recent],
      ["watched", `${count(status.samples)} samples, ${count(status.labelled)} labels`],
      ["budget", `a false alarm in ${count(status.falseAlarmEvery)} samples, ${status.vote} vote`],
      ["records", count(status.records)],
      ...oddRow(status.counts),
      ...(webhook === null
        ? []
        : [["webhook", `${webhook.delivered} delivered, ${webhook.dropped} given up`]]),
    ]),
    "",
    ...table([
      ["family", "verdict", "p-value"],
      ...families.map(({ family, verdict: own, pValue, hasData }) => [
        family,
        hasData ? own : "no data yet",
        small(pValue),
      ]),
    ]),
    "",
    ...table([
      [...["signal", "verdict", "by chance once in", "value", "warns at", "drift at", "looks at"]],
      ...signals.map(cellsOf),
    ]),
    ...movedLines(signals),
    ...thinningNote(signals),
  ].join("\n");
}

function cellsOf(signal: DriftSignalStatus): readonly string[] {
  const { name, verdict, value, warningAt, driftAt, evidence, share } = signal;
  return [
    name,
    value === null ? "no data yet" : verdict,
    evidence === null ? NONE : `${count(Math.max(1, evidence))} samples`,
    small(value),
    small(warningAt),
    small(driftAt),
    share === 1 ? "all" : `1 in ${count(1 / share)}`,
  ];
}

/** What of the signals moves most: features of rows, classes of single numbers. */
function movedLines(signals: readonly DriftSignalStatus[]): readonly string[] {
  const moving = signals.filter(({ moved }) => moved.length > 0);
  if (moving.length === 0) return [];
  return [
    "",
    ...table([
      ["signal", "moves most in"],
      ...moving.map(({ name, moved }) => [name, partsOf(moved)]),
    ]),
  ];
}

/** What it costs that the budget of time lets signals look at few samples. */
function thinningNote(signals: readonly DriftSignalStatus[]): readonly string[] {
  const least = Math.min(1, ...signals.map(({ share }) => share));
  if (least === 1) return [];
  const every = count(1 / least);
  return [
    "",
    `Where a signal looks at 1 in n samples, n times as many pass until it sees a change: up to ${every}`,
    `times here. To be seen as soon, a change must be √n times as large: ${small(1 / Math.sqrt(least))} times.`,
  ];
}

function oddRow(counts: DriftReport["status"]["counts"]): readonly (readonly string[])[] {
  const odd = Object.entries<number>({ ...counts }).filter(([, number]) => number > 0);
  if (odd.length === 0) return [];
  return [["odd", odd.map(([what, number]) => `${what} ${count(number)}`).join(", ")]];
}

function partsOf(parts: DriftSignalStatus["moved"]): string {
  return parts.map(({ name, value }) => `${name} ${small(value)}`).join(", ");
}

function historyText(report: DriftReport): string {
  const { records, more } = report;
  if (records.length === 0) return `${titleOf(report)}: no warning and no drift`;
  const head = ["id", "verdict", "at sample", "since", "version", "outcome", "done", "signals"];
  const rows = records.map((record) => [
    String(record.id),
    record.verdict,
    count(record.at.sequence),
    record.since === null ? NONE : count(record.since.sequence),
    count(record.version),
    record.outcome,
    record.action?.kind ?? NONE,
    record.signals.join(", "),
  ]);
  const last = records.at(-1)?.id ?? 0;
  return [
    titleOf(report),
    ...table([head, ...rows]),
    ...(more ? [`there are more: --after ${last}`] : []),
  ].join("\n");
}

function explainText(report: DriftReport, record: DriftRecord | null): string {
  const { verdict, explanation } = report.status;
  const now = `${titleOf(report)}: ${verdict}`;
  if (record === null) return `${now}\n${explanation}\nno warning and no drift so far`;
  const { id, at, since, outcome, outcomeAt, likelihood, signals, version, action } = record;
  return [
    now,
    "",
    `record ${id}: ${record.explanation}`,
    ...table([
      ["seen", `at sample ${placeOf(at)}, version ${count(version)}`],
      ["since", since === null ? "not known" : `about sample ${placeOf(since)}`],
      ["likelihood", percent(likelihood)],
      ["signals", signals.join(", ")],
      // Records of earlier programs have not said so.
      ...((record.moved as typeof record.moved | undefined) ?? [])
        .filter(({ parts }) => parts.length > 0)
        .map(({ signal, parts }) => [`moved in ${signal}`, partsOf(parts)]),
      ["outcome", outcomeAt === null ? outcome : `${outcome} at sample ${placeOf(outcomeAt)}`],
      ...(outcome === "unsettled" ? [["", "too few labels came to confirm or withdraw it"]] : []),
      ...(action === null ? [["done", "nothing"]] : doneOf(action)),
    ]),
  ].join("\n");
}

function doneOf(action: NonNullable<DriftRecord["action"]>): readonly (readonly string[])[] {
  const { kind, why, range, filter, versions } = action;
  const done = [["done", `${kind}: ${why}`]];
  if (kind === "nothing" || kind === "warn") return done;
  const chosen =
    range === null ? "all of the history" : `${count(range.from)} to ${count(range.to)}`;
  return [
    ...done,
    ["positions", filter === null ? chosen : `${chosen}, ${filter}`],
    ...(versions === null
      ? []
      : [
          ["decided at", `version ${count(versions.from)}`],
          ["led to", versions.to === null ? "no version yet" : `version ${count(versions.to)}`],
        ]),
  ];
}

function titleOf({ model, live, at }: DriftReport): string {
  return live ? model : `${model}, as of ${at.replace("T", " ").slice(0, 19)}`;
}

function placeOf({ sequence, eventTimeMs }: DriftRecord["at"]): string {
  const date = eventTimeMs === null ? null : new Date(eventTimeMs);
  const isDate = date !== null && !Number.isNaN(date.getTime());
  return isDate ? `${count(sequence)} (${date.toISOString()})` : count(sequence);
}

function count(value: number): string {
  return Math.round(value).toLocaleString("en");
}

function small(value: number | null): string {
  return value === null ? NONE : Number(value.toPrecision(3)).toString();
}
