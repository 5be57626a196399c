/** Benches of Everfresh beside its peers: `npm run bench -- COMMAND [options]`. */
import { train } from "./train.ts";

interface Command {
  readonly summary: string;
  /** Runs with the arguments after the command's name; returns the exit status. */
  readonly run: (args: readonly string[]) => Promise<number>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  train: { summary: "time of a training step, beside PyTorch's", run: train },
};

const USAGE = `Usage: npm run bench -- COMMAND [options]

Commands:
${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(8)} ${summary}`)
  .join("\n")}

npm run bench -- COMMAND --help shows the options of a command.`;

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === "--help" || name === "-h") {
    console.log(USAGE);
    return 0;
  }
  const command = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    console.error(name === undefined ? USAGE : `Unknown command "${name}"\n\n${USAGE}`);
    return 2;
  }
  return command.run(args);
}

process.exitCode = await main(process.argv.slice(2));
