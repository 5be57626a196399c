import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { text as textOfStream } from "node:stream/consumers";
import { Command } from "commander";
import { systemClock } from "@everfresh/core";
import { openQuarantine, type Quarantine } from "@everfresh/streams";
import { findConfig, loadConfig } from "../../config/load-config.ts";
import { QuarantineRowError, UsageError } from "../../errors.ts";
import { askRun } from "../../http/ask-run.ts";
import { type FixedRow, listed, type ListedRow } from "../../samples/quarantined-row.ts";
import { fixedRowsIn } from "../../samples/fixed-rows.ts";
import { listings, type ReplayReport, type RowsToReplay } from "../../samples/replay-rows.ts";
import { replayStopped } from "../../samples/replay-stopped.ts";
import { readServerAddress } from "../../state/server-address.ts";
import { findStateDirectory, type StateDirectory } from "../../state/state-directory.ts";
import { addJsonOption, addStateOption, countNumber, versionNumber } from "../options.ts";
import { isLocked, type RunPlaceOptions, stateDirectoryOf } from "../state-option.ts";
import { table } from "../terminal.ts";

interface QuarantineOptions extends RunPlaceOptions {
  readonly json: boolean;
  readonly file?: string;
  readonly after?: number;
  readonly limit?: number;
}

interface ReplayOptions extends QuarantineOptions {
  readonly all: boolean;
  readonly fixed?: string;
}

const LISTED_DEFAULT = 100;

/** Characters of a reason in a list. */
const REASON_SHOWN = 72;

/** `everfresh quarantine`: rows that are no samples, and how they become some. */
export function quarantineCommand(): Command {
  const command = new Command("quarantine")
    .summary("rows that could not be samples: list, show, export, replay, drop")
    .description(
      "Shows the rows of a run's source that could not be samples, with the reason, and lets fixed " +
        "ones be learned. A run may go on meanwhile.",
    );
  const parts = [listCommand(), showCommand(), exportCommand(), replayCommand(), dropCommand()];
  for (const part of parts) command.addCommand(part);
  return command;
}

function listCommand(): Command {
  const command = new Command("list")
    .summary("the rows that wait, and why")
    .description("Lists waiting rows with the reason, in order of arrival.")
    .option("--after <number>", "those that follow this row", versionNumber)
    .option("--limit <n>", `at most so many (${LISTED_DEFAULT})`, countNumber);
  return placed(command).action(async (options: QuarantineOptions) => {
    const { after = 0, limit = LISTED_DEFAULT } = options;
    await using quarantine = await quarantineOf(options);
    const rows = (await quarantine.list({ after, limit })).map(listed);
    const counts = await quarantine.counts();
    const waiting = Object.values(counts).reduce((sum, count) => sum + count, 0);
    print({ waiting, counts, rows }, options, () => listText(rows, waiting));
  });
}

function showCommand(): Command {
  const command = new Command("show")
    .summary("one row: all of it, and what is wrong")
    .description("Shows a waiting row as it came, or its first 64 KiB, and what is wrong with it.")
    .argument("<number>", "number of the row", countNumber);
  return placed(command).action(async (number: number, options: QuarantineOptions) => {
    await using quarantine = await quarantineOf(options);
    const row = await rowOf(quarantine, number);
    print(row, options, () => rowText(row));
  });
}

function exportCommand(): Command {
  const command = new Command("export")
    .summary("all rows as lines of JSON, to be mended and replayed")
    .description(
      "Prints every waiting row as a line of JSON: mend `row`, or `text` where it was no JSON object, " +
        "and give the lines to `replay --fixed`.",
    );
  return placed(command).action(async (options: QuarantineOptions) => {
    await using quarantine = await quarantineOf(options);
    for await (const rows of listings(quarantine)) {
      for (const row of rows) process.stdout.write(`${JSON.stringify(listed(row))}\n`);
    }
  });
}

function replayCommand(): Command {
  const command = new Command("replay")
    .summary("take rows again: as they are, or mended")
    .description(
      "Gives rows to their source again. Those that are right become samples: of a file, behind what " +
        "was read so far; the others wait on. A run that is under way learns from them at once, " +
        "otherwise the next one does.",
    )
    .argument(
      "[numbers...]",
      "rows to take as they are, such as after a change of the schema",
      oneMore,
      [],
    )
    .option("--all", "all rows of the source as they are", false)
    .option("--fixed <file>", "mended lines of `export`; - for standard input");
  return placed(command).action(async (numbers: readonly number[], options: ReplayOptions) => {
    const rows = await rowsToReplay(numbers, options);
    const report = await replayThere(rows, options);
    print(report, options, () => replayText(report));
  });
}

function dropCommand(): Command {
  const command = new Command("drop")
    .summary("give rows up: they wait no more")
    .description("Gives rows up. They are kept nowhere to be replayed, and do not come again.")
    .argument("<numbers...>", "numbers of the rows", oneMore, []);
  return placed(command).action(async (numbers: readonly number[], options: QuarantineOptions) => {
    await using quarantine = await quarantineOf(options);
    for (const number of numbers) await rowOf(quarantine, number);
    await quarantine.resolve(numbers);
    print({ dropped: numbers.length }, options, () => `given up: ${numbers.length}`);
  });
}

function oneMore(text: string, before: readonly number[]): readonly number[] {
  return [...before, countNumber(text)];
}

function placed(command: Command): Command {
  command
    .option(
      "--file <file>",
      "SQLite file of the quarantine, where it is not in the state directory",
    )
    .option("--config <file>", "configuration file (TypeScript or JavaScript)");
  return addStateOption(addJsonOption(command));
}

async function quarantineOf(options: QuarantineOptions): Promise<Quarantine> {
  const file = options.file ?? (await placeOf(options)).databaseFile;
  if (!existsSync(file)) throw new QuarantineRowError(`There is no quarantine in ${file}`);
  return openQuarantine({ file, clock: systemClock });
}

async function placeOf(options: RunPlaceOptions): Promise<StateDirectory> {
  return findStateDirectory(await stateDirectoryOf(options)).directory;
}

async function rowOf(quarantine: Quarantine, number: number): Promise<ListedRow> {
  const [row] = await quarantine.list({ after: number - 1, limit: 1 });
  if (row?.number === number) return listed(row);
  throw new QuarantineRowError(`Row ${number} does not wait; \`everfresh quarantine list\``);
}

async function rowsToReplay(
  numbers: readonly number[],
  { all, fixed }: ReplayOptions,
): Promise<RowsToReplay> {
  const ways = [numbers.length > 0, all, fixed !== undefined].filter(Boolean).length;
  if (ways !== 1) throw new UsageError("Give numbers of rows, or --all, or --fixed FILE");
  if (all) return "all";
  if (fixed === undefined) return numbers.map((number): FixedRow => ({ number }));
  const lines = fixed === "-" ? await textOfStream(process.stdin) : await readFile(fixed, "utf8");
  return fixedRowsIn(lines, fixed);
}

/** In the directory itself if nobody works there, or else by whoever does. */
async function replayThere(rows: RowsToReplay, options: ReplayOptions): Promise<ReplayReport> {
  const directory = await placeOf(options);
  const file = options.config ?? findConfig(process.cwd());
  const address = readServerAddress(directory);
  try {
    if (file !== undefined) return await replayStopped(await loadConfig(file), directory, rows);
  } catch (error) {
    if (!isLocked(error) || address === null) throw error;
  }
  if (address === null) throw new UsageError("Nothing runs; give the configuration with --config");
  const request = { method: "POST", path: "/quarantine/replay", body: { rows } } as const;
  return (await askRun(address, request)) as ReplayReport;
}

function print(document: unknown, { json }: QuarantineOptions, textOf: () => string): void {
  process.stdout.write(`${json ? JSON.stringify(document, null, 2) : textOf()}\n`);
}

function listText(rows: readonly ListedRow[], waiting: number): string {
  if (waiting === 0) return "no rows wait";
  const cells = rows.map(({ number, source, place, kind, column, reason }) => [
    ...[String(number), source, place, kind, column ?? "–"],
    reason.length <= REASON_SHOWN ? reason : `${reason.slice(0, REASON_SHOWN - 1)}…`,
  ]);
  const last = rows.at(-1)?.number ?? 0;
  return [
    ...table([["row", "source", "place", "kind", "column", "reason"], ...cells]),
    `${waiting.toLocaleString("en")} wait${rows.length < waiting ? `; more: --after ${last}` : ""}`,
  ].join("\n");
}

function rowText({
  number,
  source,
  place,
  at,
  kind,
  column,
  reason,
  ...content
}: ListedRow): string {
  const { row, text, base64 = "" } = content;
  return [
    `row ${number}: ${source}, ${place}, ${at}`,
    `${kind}${column === null ? "" : ` in ${column}`}: ${reason}`,
    row === undefined ? (text ?? `base64: ${base64}`) : JSON.stringify(row, null, 2),
  ].join("\n");
}

function replayText({ replayed, broken }: ReplayReport): string {
  const lines = broken.map(
    ({ number, kind, column, reason }) =>
      `row ${number} is still broken: ${kind}${column === null ? "" : ` in ${column}`}: ${reason}`,
  );
  return [...lines, `taken: ${replayed.toLocaleString("en")}`].join("\n");
}
