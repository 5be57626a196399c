/** Benches of Everfresh beside its peers: `npm run bench -- COMMAND [options]`. */
import { batchNorm } from "./batch-norm.ts";
import { browser } from "./browser.ts";
import { fanOut } from "./fan-out.ts";
import { gradients } from "./gradients.ts";
import { fuzz } from "./fuzz.ts";
import { infer } from "./infer.ts";
import { latency } from "./latency.ts";
import { load } from "./load.ts";
import { memory } from "./memory.ts";
import { samplers } from "./samplers.ts";
import { simulate } from "./simulate.ts";
import { sync } from "./sync.ts";
import { train } from "./train.ts";
import { trajectory } from "./trajectory.ts";

interface Command {
  readonly summary: string;
  /** Runs with the arguments after the command's name; returns the exit status. */
  readonly run: (args: readonly string[]) => Promise<number>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  "batch-norm": {
    summary: "sparse deployment of a network with BatchNormalization",
    run: batchNorm,
  },
  browser: { summary: "frames of a page while its replica follows updates", run: browser },
  "fan-out": { summary: "updates to thousands of connections at once", run: fanOut },
  fuzz: { summary: "mutated updates against the decoder", run: fuzz },
  gradients: { summary: "a whole model's gradients beside PyTorch's in float64", run: gradients },
  infer: {
    summary: "time of a prediction while updates arrive, beside ONNX Runtime's",
    run: infer,
  },
  latency: {
    summary: "from a training step to the first prediction that knows of it",
    run: latency,
  },
  load: { summary: "predictions under open-loop load, with updates and without", run: load },
  memory: { summary: "peak memory of training, beside PyTorch's", run: memory },
  samplers: { summary: "time of a draw from a long history, beside a step", run: samplers },
  simulate: { summary: "trainer, lines and replicas with every fault there is", run: simulate },
  sync: { summary: "bytes of updates on the wire, and the time to make them", run: sync },
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
