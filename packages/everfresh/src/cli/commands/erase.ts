import { Command } from "commander";
import { askRun } from "../../http/ask-run.ts";
import { eraseStopped, lookForStopped, type StoppedPlace } from "../../samples/erase-stopped.ts";
import type { ErasureReport } from "../../samples/erasure-report.ts";
import { readServerAddress } from "../../state/server-address.ts";
import { findStateDirectory } from "../../state/state-directory.ts";
import { confirm } from "../confirm.ts";
import { addJsonOption, addStateOption } from "../options.ts";
import { isLocked, type RunPlaceOptions, stateDirectoryOf } from "../state-option.ts";
import { table } from "../terminal.ts";

/** Uses that a person is shown. */
const USES_SHOWN = 50;

interface EraseCommandOptions extends RunPlaceOptions {
  readonly json: boolean;
  readonly dryRun: boolean;
  readonly versions: boolean;
  readonly yes: boolean;
  readonly file: readonly string[];
}

/** `everfresh erase ID`: erases a sample from all that a run keeps. */
export function eraseCommand(): Command {
  const command = new Command("erase")
    .summary("erase a sample, and say which versions learned from it")
    .description(
      "Erases a sample by its id from the history, from what waits to get there, from labels and " +
        "predictions, and from the quarantine. A run that is under way does it between two steps, and " +
        "never draws or tests it again. Versions that have learned from it stay as they are, and are " +
        "named: roll back to an earlier one, or train anew, where that matters.",
    )
    .argument("<id>", "id of the sample")
    .option("--versions", "list every version whose step trained on it", false)
    .option("--dry-run", "only look for it in the history, and erase nothing", false)
    .option("--yes", "do not ask", false)
    .option(
      "--file <file>",
      "another SQLite file to erase it from while nothing runs: an inbox or quarantine of its own",
      (file: string, before: readonly string[]) => [...before, file],
      [],
    )
    .option("--config <file>", "configuration file (TypeScript or JavaScript)");
  addStateOption(addJsonOption(command));
  return command.action(execute);
}

async function execute(id: string, options: EraseCommandOptions): Promise<void> {
  const { directory, record } = findStateDirectory(await stateDirectoryOf(options));
  if (!options.yes && !options.dryRun) {
    await confirm(`Erase sample "${id}" of ${record.model} for good?`, "Not erased");
  }
  const report = options.dryRun
    ? await lookForStopped(directory, id)
    : await eraseThere({ directory, files: options.file }, id);
  const text = options.json ? JSON.stringify(report, null, 2) : textOf(report, options);
  process.stdout.write(`${text}\n`);
}

/** In the directory itself if nobody works there, or else by whoever does. */
async function eraseThere(place: StoppedPlace, id: string): Promise<ErasureReport> {
  try {
    return await eraseStopped(place, id);
  } catch (error) {
    const address = isLocked(error) ? readServerAddress(place.directory) : null;
    if (address === null) throw error;
    const path = `/samples/${encodeURIComponent(id)}`;
    return (await askRun(address, { method: "DELETE", path })) as ErasureReport;
  }
}

function textOf(report: ErasureReport, { versions }: EraseCommandOptions): string {
  const { id, erased, position, labels, inbox, quarantined, learned } = report;
  const where = [
    ...(position === null ? [] : [`position ${position} of the history`]),
    ...(inbox === true ? ["what waits for the history, and known ids"] : []),
    ...(labels === true ? ["labels and predictions"] : []),
    ...(quarantined === null || quarantined === 0 ? [] : [`${quarantined} rows of the quarantine`]),
  ];
  return [
    `${erased ? "erased" : "found"} "${id}": ${where.join("; ")}`,
    learned === null ? "no version has learned from it" : learnedText(learned),
    ...(versions && learned !== null ? usesOf(learned) : []),
  ].join("\n");
}

function learnedText({ versions, uses, sinceStep }: Learned): string {
  const since =
    sinceStep === null || sinceStep > 1
      ? `; what was trained on ${sinceStep === null ? "" : `before step ${sinceStep} `}is not known`
      : "";
  if (versions.length === 0) return `no version has learned from it${since}`;
  const ranges = versions.map(({ from, to }) => (from === to ? `${from}` : `${from} to ${to}`));
  const times = uses.reduce((sum, use) => sum + use.times, 0);
  return (
    `learned by versions ${ranges.join(", ")}: ` +
    `${uses.length === 1 ? "one step" : `${uses.length} steps`} trained on it, ` +
    `${times === 1 ? "once" : `${times} times`}${since}`
  );
}

function usesOf({ uses }: Learned): readonly string[] {
  const rows = uses
    .slice(0, USES_SHOWN)
    .map(({ version, step, times }) => [String(version), String(step), String(times)]);
  const more = uses.length - rows.length;
  return [
    ...table([["version", "step", "times"], ...rows]),
    ...(more > 0 ? [`and ${more} more: --json lists all`] : []),
  ];
}

type Learned = NonNullable<ErasureReport["learned"]>;
