/** Benches of Everfresh beside its peers: `npm run bench -- COMMAND [options]`. */
import { gradients } from "./gradients.ts";
import { fuzz } from "./fuzz.ts";
import { infer } from "./infer.ts";
import { memory } from "./memory.ts";
import { simulate } from "./simulate.ts";
import { train } from "./train.ts";
import { trajectory } from "./trajectory.ts";

interface Command {
  readonly summary: string;
  /** Runs with the arguments after the command's name; returns the exit status. */
  readonly run: (args: readonly string[]) => Promise<number>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  fuzz: { summary: "mutated updates against the decoder", run: fuzz },
  gradients: { summary: "a whole model's gradients beside PyTorch's in float64", run: gradients },
  infer: {
    summary: "time of a prediction while updates arrive, beside ONNX Runtime's",
    run: infer,
  },
  memory: { summary: "peak memory of training, beside PyTorch's", run: memory },
  simulate: { summary: "trainer, lines and replicas with every fault there is", run: simulate },
  train: { summary: "time of a training step, beside PyTorch's", run: train },
  trajectory: { summary: "losses over many steps beside PyTorch's", run: trajectory },
};

const USAGE = `Usage: npm run bench -- COMMAND [options]

Commands:
${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`)
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
