import { type Command, InvalidArgumentError, Option } from "commander";
import {
  classBalancedSampling,
  inverseCountSampling,
  noSampling,
  type OverloadPolicy,
  reservoirSampling,
  rollingSampling,
  type SamplerSpec,
  type StrategySpec,
  timeBasedSampling,
  uniformSampling,
  windowSampling,
} from "@everfresh/learn";
import { lateLabels } from "../config/late-labels.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import { fullRetraining, online, proactive } from "../config/strategies.ts";
import { UsageError } from "../errors.ts";
import { countNumber, versionNumber } from "./options.ts";

const STRATEGIES = ["proactive", "online", "retraining", "frozen"] as const;
const OVERLOADS = ["block", "grow", "skip"] as const;
const RETRAIN_EVERY_DEFAULT = 5_000;

/** Options that say how a model is kept fresh, before what the configuration says. */
export interface StrategyOptions {
  readonly strategy?: (typeof STRATEGIES)[number];
  /** New samples per step. */
  readonly triggerSize?: number;
  readonly batchSize?: number;
  readonly sampler?: SamplerSpec;
  readonly overload?: OverloadPolicy;
  /** New samples from one retraining to the next. */
  readonly retrainEvery?: number;
  readonly epochs?: number;
  /** How many samples late labels are. */
  readonly labelLag?: number;
}

/** Adds {@link StrategyOptions}. */
export function addStrategyOptions(command: Command): Command {
  const count = (flags: string, description: string): Option =>
    new Option(flags, description).argParser(countNumber);
  return command
    .addOption(
      new Option("--strategy <name>", "how to train, instead of the configured way").choices(
        STRATEGIES,
      ),
    )
    .addOption(
      new Option("--trigger-size <t>", "proactive: new samples per step (8)").argParser(
        versionNumber,
      ),
    )
    .addOption(count("--batch-size <b>", "samples per step (128)"))
    .addOption(
      new Option(
        "--sampler <kind[:n]>",
        "proactive: picks old samples: uniform, window:SAMPLES, half-life:SAMPLES, linear, " +
          "inverse-count, class-balanced, rolling, reservoir:SAMPLES, none",
      ).argParser(samplerNamed),
    )
    .addOption(
      new Option(
        "--overload <policy>",
        "samples that come faster than steps: the source waits, steps grow, or samples skip steps",
      ).choices(OVERLOADS),
    )
    .addOption(count("--retrain-every <n>", "retraining: after so many new samples (5000)"))
    .addOption(count("--epochs <n>", "retraining: passes over the history (10)"))
    .addOption(
      new Option("--label-lag <n>", "labels come so many samples late").argParser(versionNumber),
    );
}

/** The configuration with what the options say in its place. */
export function withStrategy(loaded: LoadedConfig, options: StrategyOptions): LoadedConfig {
  const { labelLag } = options;
  const labels = labelLag === undefined ? {} : { labels: lateLabels({ lagSamples: labelLag }) };
  const strategy = strategyOf(loaded.definition.strategy, options);
  return { ...loaded, definition: { ...loaded.definition, ...labels, strategy } };
}

const KINDS: { readonly [N in (typeof STRATEGIES)[number]]: StrategySpec["kind"] } = {
  proactive: "proactive",
  online: "online",
  retraining: "fullRetraining",
  frozen: "frozen",
};

/** Which options say something about which strategy. */
const OPTIONS_OF: { readonly [K in StrategySpec["kind"]]: readonly (keyof StrategyOptions)[] } = {
  proactive: ["triggerSize", "batchSize", "sampler", "overload"],
  online: ["batchSize", "overload"],
  fullRetraining: ["batchSize", "overload", "retrainEvery", "epochs"],
  frozen: [],
};

function strategyOf(configured: StrategySpec, options: StrategyOptions): StrategySpec {
  const kind = options.strategy === undefined ? configured.kind : KINDS[options.strategy];
  const all = new Set(Object.values(OPTIONS_OF).flat());
  const wrong = [...all].find(
    (name) => options[name] !== undefined && !OPTIONS_OF[kind].includes(name),
  );
  if (wrong !== undefined) {
    const flag = `--${wrong.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw new UsageError(`${flag} says nothing about the strategy ${kind}`);
  }
  const { triggerSize, batchSize, sampler, overload, retrainEvery, epochs } = options;
  const common = {
    ...(batchSize === undefined ? {} : { batchSize }),
    ...(overload === undefined ? {} : { overload }),
  };
  const before = configured.kind === kind ? configured : null;
  switch (kind) {
    case "frozen":
      return { kind };
    case "online":
      return online({ ...before, ...common });
    case "proactive":
      return proactive({
        ...before,
        ...common,
        ...(triggerSize === undefined ? {} : { triggerSize }),
        ...(sampler === undefined ? {} : { sampler }),
      });
    case "fullRetraining": {
      if (overload === "skip")
        throw new UsageError("--overload skip is for steps, not retrainings");
      const kept = before?.kind === kind && retrainEvery === undefined ? before.trigger : undefined;
      return fullRetraining({
        ...(before?.kind === kind ? before : {}),
        ...(batchSize === undefined ? {} : { batchSize }),
        ...(overload === undefined ? {} : { overload }),
        ...(epochs === undefined ? {} : { epochs }),
        trigger: kept ?? { kind: "byCount", samples: retrainEvery ?? RETRAIN_EVERY_DEFAULT },
      });
    }
  }
}

const SAMPLERS: Readonly<Record<string, (argument: string) => SamplerSpec>> = {
  uniform: () => uniformSampling(),
  window: (samples) => windowSampling({ samples: countNumber(samples) }),
  "half-life": (samples) => timeBasedSampling({ halfLifeSamples: countNumber(samples) }),
  linear: () => timeBasedSampling(),
  "inverse-count": () => inverseCountSampling(),
  "class-balanced": () => classBalancedSampling(),
  rolling: () => rollingSampling(),
  reservoir: (capacity) => reservoirSampling({ capacity: countNumber(capacity) }),
  none: () => noSampling(),
};

function samplerNamed(text: string): SamplerSpec {
  const [name = "", argument = ""] = text.split(":", 2);
  const make = Object.hasOwn(SAMPLERS, name) ? SAMPLERS[name] : undefined;
  if (make === undefined) {
    throw new InvalidArgumentError(`It must be one of ${Object.keys(SAMPLERS).join(", ")}.`);
  }
  return make(argument);
}
