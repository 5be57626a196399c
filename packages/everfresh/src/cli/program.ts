import { Command, CommanderError } from "commander";
import { EverfreshError } from "@everfresh/core";
import { benchCommand } from "./commands/bench.ts";
import { demoCommand } from "./commands/demo.ts";
import { driftCommand } from "./commands/drift.ts";
import { eraseCommand } from "./commands/erase.ts";
import { exportCommand } from "./commands/export.ts";
import { keygenCommand } from "./commands/keygen.ts";
import { logCommand } from "./commands/log.ts";
import { quarantineCommand } from "./commands/quarantine.ts";
import { replicaCommand } from "./commands/replica.ts";
import { rollbackCommand } from "./commands/rollback.ts";
import { runCommand } from "./commands/run.ts";
import { showCommand } from "./commands/show.ts";
import { EXIT, exitStatusOf } from "./exit-codes.ts";
import { release } from "./release.ts";
import { terminalOn } from "./terminal.ts";

const EXIT_HELP = `
Exit status:
  0  done
  1  something failed inside
  2  unknown command or option, or a bad value
  3  data, model or configuration is not as it must be
  4  port, address or connection
  5  state directory
`;

/** Runs one command line and gives its exit status; every failure is one line on stderr. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  const json = argv.includes("--json");
  const program = new Command("everfresh")
    .description("Keeps deployed deep-learning models fresh.")
    .version(release())
    // `export` has an option --version of its own.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, "error EF_USAGE: ")),
    })
    .addHelpText("after", EXIT_HELP);
  const commands = [
    ...[demoCommand(), runCommand(), replicaCommand(), exportCommand()],
    ...[logCommand(), showCommand(), rollbackCommand(), keygenCommand()],
    ...[driftCommand(), quarantineCommand(), eraseCommand(), benchCommand()],
  ];
  for (const command of commands) {
    program.addCommand(command.copyInheritedSettings(program));
    for (const nested of command.commands) nested.copyInheritedSettings(program);
  }
  try {
    await program.parseAsync(argv);
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    }
    return report(error, json);
  }
}

function report(error: unknown, json: boolean): number {
  const code = error instanceof EverfreshError ? error.code : "EF_INTERNAL";
  const message = error instanceof Error ? error.message : String(error);
  const terminal = terminalOn(process.stderr);
  terminal.line(`${terminal.style("red", "error")} ${code}: ${message.replaceAll("\n", " ")}`);
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, message } }, null, 2)}\n`);
  if (error instanceof EverfreshError) return exitStatusOf(code);
  if (process.env["EVERFRESH_DEBUG"] !== undefined && error instanceof Error) {
    terminal.line(error.stack ?? "");
  }
  return EXIT.failure;
}
