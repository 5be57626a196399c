import path from "node:path";
import { Command, Option } from "commander";
import { systemClock } from "@everfresh/core";
import { digitsModel } from "../../config/digits-model.ts";
import { findConfig, loadConfig, type LoadedConfig } from "../../config/load-config.ts";
import { nats } from "../../config/nats.ts";
import { UsageError } from "../../errors.ts";
import { parseNatsServer } from "../../nats/nats-address.ts";
import { runModel } from "../../run/run-model.ts";
import type { RunModelOptions } from "../../run/run-options.ts";
import { replicasInStep } from "../in-step.ts";
import { aborted, interruptSignal } from "../interrupt.ts";
import { Narrator } from "../narrator.ts";
import {
  addCommonOptions,
  addPlanOptions,
  type CommonOptions,
  type PlanOptions,
  positiveNumber,
} from "../options.ts";
import { addStrategyOptions, type StrategyOptions, withStrategy } from "../strategy-options.ts";
import { summaryOf } from "../summary.ts";
import { terminalOn } from "../terminal.ts";

const PORT_DEFAULT = 7070;

/** Options of `everfresh run`. */
export interface RunCommandOptions extends CommonOptions, PlanOptions, StrategyOptions {
  readonly config?: string;
  /** Let a model with other tensors start anew in the same state directory. */
  readonly newGeneration?: boolean;
  /** File of the private key that signs what is published. */
  readonly signingKey?: string;
  /** Address of a NATS server to publish to. */
  readonly nats?: string;
  /** File of the credentials for it. */
  readonly natsCreds?: string;
  readonly host: string;
  /** Samples per second. */
  readonly rate?: number;
}

/** `everfresh run`: source → trainer → feed, with the live page. */
export function runCommand(): Command {
  const command = new Command("run")
    .summary("train on a stream and ship every update to the connected replicas")
    .description(
      "Trains on a stream and ships every update to the connected replicas. " +
        "Without --config it takes everfresh.config.ts of this folder, or else learns handwritten " +
        "digits: those of --data, or generated ones. It serves until Ctrl-C; with --steps it ends " +
        "after so many steps. Started again with the same --state it goes on where it stopped; a " +
        "run of --steps that was interrupted is completed.",
    )
    .option("--config <file>", "configuration file (TypeScript or JavaScript)")
    .option("--new-generation", "let a model with other tensors start anew in the same --state")
    .option("--signing-key <file>", "private key of `keygen`: signs all that is published")
    .option("--nats <url>", "publish to a NATS server too, such as nats://127.0.0.1:4222")
    .option("--nats-creds <file>", "credentials for --nats, as `nsc` writes them");
  addStrategyOptions(addServerOptions(addCommonOptions(command)));
  return command.action(async (options: RunCommandOptions) => {
    const file = configFileOf(options);
    const loaded = file === undefined ? null : await loadConfig(file);
    await execute(options, {
      config: (seed) => withStrategy(loaded ?? builtInDigits(options, seed), options),
      stateDirectory:
        options.state ??
        path.join(loaded?.directory ?? ".", ".everfresh", loaded?.definition.name ?? "digits"),
    });
  });
}

/** Adds the options of commands that start a server. */
export function addServerOptions(command: Command): Command {
  return addPlanOptions(command)
    .addOption(new Option("--host <address>", "address to listen on").default("127.0.0.1"))
    .addOption(
      new Option("--rate <n>", "let at most so many samples arrive per second").argParser(
        positiveNumber,
      ),
    );
}

/** The digits model of the demo, as a loaded configuration. */
export function builtInDigits({ data }: Pick<CommonOptions, "data">, seed: number): LoadedConfig {
  return {
    definition: digitsModel({ seed, ...(data === undefined ? {} : { data }) }),
    directory: process.cwd(),
  };
}

/** The part of {@link RunModelOptions} that command-line options decide. */
export function modelOptionsOf(
  options: RunCommandOptions,
): Pick<
  RunModelOptions,
  | "host"
  | "port"
  | "seed"
  | "steps"
  | "ratio"
  | "samplesPerSecond"
  | "plan"
  | "newGeneration"
  | "signingKeyFile"
  | "nats"
> {
  const { host, port = PORT_DEFAULT, seed, steps, ratio, rate } = options;
  const { workers, batchNorm, provider, signingKey } = options;
  return {
    host,
    port,
    ...(seed === undefined ? {} : { seed }),
    ...(steps === undefined ? {} : { steps }),
    ...(ratio === undefined ? {} : { ratio }),
    ...(rate === undefined ? {} : { samplesPerSecond: rate }),
    newGeneration: options.newGeneration ?? false,
    ...(signingKey === undefined ? {} : { signingKeyFile: signingKey }),
    ...natsOf(options),
    plan: {
      ...(workers === undefined ? {} : { workers }),
      ...(batchNorm === undefined ? {} : { batchNorm }),
      ...(provider === undefined ? {} : { provider }),
    },
  };
}

function natsOf({ nats: url, natsCreds }: RunCommandOptions): Pick<RunModelOptions, "nats"> {
  if (url === undefined && natsCreds !== undefined) {
    throw new UsageError(
      "--nats-creds goes with --nats; a configuration names its own credentials",
    );
  }
  if (url === undefined) return {};
  const credentials = natsCreds === undefined ? {} : { credentials: path.resolve(natsCreds) };
  return { nats: nats({ servers: parseNatsServer(url), ...credentials }) };
}

function configFileOf({ config, data }: RunCommandOptions): string | undefined {
  const file = config ?? (data === undefined ? findConfig(process.cwd()) : undefined);
  if (file !== undefined && data !== undefined) {
    throw new UsageError(
      "--data goes with the built-in digits model; a configuration names its source",
    );
  }
  return file;
}

async function execute(
  options: RunCommandOptions,
  sources: Pick<RunModelOptions, "config" | "stateDirectory">,
): Promise<void> {
  const narrator = new Narrator(terminalOn(process.stderr));
  using interrupt = interruptSignal();
  await runModel({
    ...modelOptionsOf(options),
    ...sources,
    signal: interrupt.signal,
    clock: systemClock,
    onEvent: (event) => narrator.tell(event),
    afterTraining: async (run) => {
      await replicasInStep(run);
      const summary = summaryOf(
        run,
        run.status().replicas.map(({ version, fingerprint }) => ({
          version,
          fingerprint,
          heldOutAccuracy: null,
        })),
      );
      narrator.conclude(summary);
      if (options.json) process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
      if (options.steps === undefined && !options.json) await aborted(interrupt.signal);
    },
  });
}
