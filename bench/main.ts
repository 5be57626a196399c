/** Benches of Everfresh beside its peers: `npm run bench -- COMMAND [options]`. */
interface Command {
  readonly summary: string;
  /**
   * Runs with the arguments after the command's name; returns the exit status. Nothing is loaded
   * for another: bundler and driver of `browser` would be 90 MiB of what `memory` measures.
   */
  readonly run: (args: readonly string[]) => Promise<number>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  "batch-norm": {
    summary: "sparse deployment of a network with BatchNormalization",
    run: async (args) => (await import("./batch-norm.ts")).batchNorm(args),
  },
  browser: {
    summary: "frames of a page while its replica follows updates",
    run: async (args) => (await import("./browser.ts")).browser(args),
  },
  drift: {
    summary: "what detectors of drift see, how soon, and how often wrongly",
    run: async (args) => (await import("./drift.ts")).drift(args),
  },
  "fan-out": {
    summary: "updates to thousands of connections at once",
    run: async (args) => (await import("./fan-out.ts")).fanOut(args),
  },
  features: {
    summary: "share of cached features, against the EDBT paper's formulas",
    run: async (args) => (await import("./features.ts")).features(args),
  },
  fuzz: {
    summary: "mutated updates against the decoder",
    run: async (args) => (await import("./fuzz.ts")).fuzz(args),
  },
  gradients: {
    summary: "a whole model's gradients beside PyTorch's in float64",
    run: async (args) => (await import("./gradients.ts")).gradients(args),
  },
  infer: {
    summary: "time of a prediction while updates arrive, beside ONNX Runtime's",
    run: async (args) => (await import("./infer.ts")).infer(args),
  },
  ingest: {
    summary: "samples pushed by HTTP while a model trains on them",
    run: async (args) => (await import("./ingest.ts")).ingest(args),
  },
  kills: {
    summary: "a run that is killed again and again, beside one that is left alone",
    run: async (args) => (await import("./kills.ts")).kills(args),
  },
  latency: {
    summary: "from a training step to the first prediction that knows of it",
    run: async (args) => (await import("./latency.ts")).latency(args),
  },
  load: {
    summary: "predictions under open-loop load, with updates and without",
    run: async (args) => (await import("./load.ts")).load(args),
  },
  memory: {
    summary: "peak memory of training, beside PyTorch's",
    run: async (args) => (await import("./memory.ts")).memory(args),
  },
  samplers: {
    summary: "time of a draw from a long history, beside a step",
    run: async (args) => (await import("./samplers.ts")).samplers(args),
  },
  simulate: {
    summary: "trainer, lines and replicas with every fault there is",
    run: async (args) => (await import("./simulate.ts")).simulate(args),
  },
  streams: {
    summary: "streams that drift, with late labels: strategies and samplers",
    run: async (args) => (await import("./streams.ts")).streams(args),
  },
  sync: {
    summary: "bytes of updates on the wire, and the time to make them",
    run: async (args) => (await import("./sync.ts")).sync(args),
  },
  train: {
    summary: "time of a training step, beside PyTorch's",
    run: async (args) => (await import("./train.ts")).train(args),
  },
  trajectory: {
    summary: "losses over many steps beside PyTorch's",
    run: async (args) => (await import("./trajectory.ts")).trajectory(args),
  },
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
