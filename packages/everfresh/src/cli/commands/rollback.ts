import { Command } from "commander";
import type { RollbackReport, RollbackRequest } from "../../log/roll-back.ts";
import { rollBackRunning } from "../../log/roll-back-running.ts";
import { rollBackStopped } from "../../log/roll-back-stopped.ts";
import { readServerAddress } from "../../state/server-address.ts";
import { findStateDirectory, type StateDirectory } from "../../state/state-directory.ts";
import { confirm } from "../confirm.ts";
import { addJsonOption, addStateOption, versionNumber } from "../options.ts";
import { isLocked, type RunPlaceOptions, stateDirectoryOf } from "../state-option.ts";
import { bytes, terminalOn } from "../terminal.ts";

interface RollbackCommandOptions extends RunPlaceOptions {
  readonly json: boolean;
  readonly excludeSince: boolean;
  readonly yes: boolean;
}

/** `everfresh rollback VERSION`: brings back an earlier version, as a new one. */
export function rollbackCommand(): Command {
  const command = new Command("rollback")
    .summary("bring back an earlier version, while the run goes on or not")
    .description(
      "Brings back the deployed state of an earlier version as a new version, bit for bit; replicas " +
        "follow it like any update. Training goes on from there: the trained state becomes the same, " +
        "and the optimizer starts anew with a rise of its learning rate, unless the last checkpoint is " +
        "of that very version. A run that is under way does it between two steps.",
    )
    .argument("<version>", "the version whose state comes back", versionNumber)
    .option("--exclude-since", "never sample again what was learned since that version", false)
    .option("--yes", "do not ask", false)
    .option("--config <file>", "configuration file (TypeScript or JavaScript)");
  addStateOption(addJsonOption(command));
  return command.action(execute);
}

async function execute(version: number, options: RollbackCommandOptions): Promise<void> {
  const { directory, record } = findStateDirectory(await stateDirectoryOf(options));
  const { excludeSince } = options;
  if (!options.yes) {
    await confirm(`Roll back ${record.model} to version ${version}?`, "Not rolled back");
  }
  const report = await rollBackThere(directory, { version, excludeSince });
  tell(report);
  if (options.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
}

/** In the directory itself if nobody works there, or else by whoever does. */
async function rollBackThere(
  directory: StateDirectory,
  request: RollbackRequest,
): Promise<RollbackReport> {
  try {
    return await rollBackStopped(directory, request);
  } catch (error) {
    const address = isLocked(error) ? readServerAddress(directory) : null;
    if (address === null) throw error;
    return rollBackRunning(address, request);
  }
}

function tell(report: RollbackReport): void {
  const terminal = terminalOn(process.stderr);
  const { version, rolledBackTo, fingerprint, entries, excluded, optimizer } = report;
  terminal.line(
    `version ${version} has the state of version ${rolledBackTo}, fingerprint ${fingerprint}`,
  );
  terminal.line(
    `${entries.toLocaleString("en")} parameters changed, an update of ${bytes(report.bytes)}; optimizer ${optimizer}`,
  );
  if (excluded !== null) {
    terminal.line(`samples ${excluded.from} to ${excluded.to - 1} are not sampled any more`);
  }
}
