import { Command, Option } from "commander";
import { logReport, type LogReport, type VersionLine } from "../../log/log-report.ts";
import { findStateDirectory } from "../../state/state-directory.ts";
import { addJsonOption, addStateOption, countNumber } from "../options.ts";
import { type RunPlaceOptions, stateDirectoryOf } from "../state-option.ts";
import { bytes, shortFingerprint, table } from "../terminal.ts";

const LIMIT_DEFAULT = 20;

interface LogCommandOptions extends RunPlaceOptions {
  readonly json: boolean;
  readonly limit: number;
}

/** `everfresh log`: the versions of a run, newest first. */
export function logCommand(): Command {
  const command = new Command("log")
    .summary("list the versions of a run")
    .description(
      "Lists the newest versions of a run: when each was committed, what its update changed and " +
        "weighed, the event time of the newest sample that it has learned from, and where full " +
        "states (anchors) are stored. A trainer may go on working meanwhile.",
    )
    .option("--config <file>", "configuration file (TypeScript or JavaScript)")
    .addOption(
      new Option("--limit <n>", "list at most so many")
        .default(LIMIT_DEFAULT)
        .argParser(countNumber),
    );
  addStateOption(addJsonOption(command));
  return command.action(async (options: LogCommandOptions) => {
    const report = await logReport(
      findStateDirectory(await stateDirectoryOf(options)),
      options.limit,
    );
    const text = options.json ? JSON.stringify(report, null, 2) : textOf(report);
    process.stdout.write(`${text}\n`);
  });
}

function textOf({ model, oldest, newest, versions }: LogReport): string {
  const head = ["version", "time", "entries", "bytes", "event time", "fingerprint", ""];
  const title =
    newest === null ? `${model}: no version yet` : `${model}: versions ${oldest ?? 0} to ${newest}`;
  return [title, ...table([head, ...versions.map(cellsOf)])].join("\n");
}

function cellsOf(line: VersionLine): readonly string[] {
  return [
    String(line.version),
    line.time.replace("T", " ").slice(0, 19),
    line.entries?.toLocaleString("en") ?? "–",
    line.bytes === null ? "–" : bytes(line.bytes),
    line.eventTime?.replace("T", " ").slice(0, 19) ?? "–",
    shortFingerprint(line.fingerprint),
    remarksOf(line).join(", "),
  ];
}

/** What is special about a version, for people. */
export function remarksOf({
  anchorBytes,
  rollback,
  entries,
  generation,
}: VersionLine): readonly string[] {
  const excluded = rollback?.excluded;
  return [
    ...(entries === null ? [`generation ${generation} begins`] : []),
    ...(anchorBytes === null ? [] : [`anchor of ${bytes(anchorBytes)}`]),
    ...(rollback === null ? [] : [`rollback to ${rollback.toVersion}`]),
    ...(excluded ? [`samples ${excluded.from} to ${excluded.to - 1} excluded`] : []),
  ];
}
