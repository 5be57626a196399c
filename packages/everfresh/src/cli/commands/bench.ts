import path from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { InterruptedError } from "../../errors.ts";
import {
  type Experiment,
  type ExperimentName,
  EXPERIMENTS,
  scaled,
} from "../../paper/experiment.ts";
import { fileChecksum, runExperiment } from "../../paper/experiment-run.ts";
import { chosenRows } from "../../paper/matrix.ts";
import { dataDirectoryOf, loadPaperData } from "../../paper/paper-data.ts";
import { modelName } from "../../paper/paper-model.ts";
import { documentOf, figuresOf, reportText } from "../../paper/report/paper-report.ts";
import { RowStore } from "../../paper/row-store.ts";
import { interruptSignal } from "../interrupt.ts";
import { addJsonOption, countNumber, positiveNumber } from "../options.ts";
import { terminalOn } from "../terminal.ts";
import { PaperNarrator } from "../paper-narrator.ts";

interface PaperCommandOptions {
  readonly json: boolean;
  readonly experiment: ExperimentName;
  readonly model?: string;
  readonly scale: number;
  readonly epochs?: number;
  readonly seeds: readonly number[];
  readonly rows: readonly string[];
  readonly init?: string;
  readonly data?: string;
  readonly out?: string;
}

/** `everfresh bench`: measurements that compare ways to keep a model fresh. */
export function benchCommand(): Command {
  return new Command("bench")
    .summary("run the experiments of the papers")
    .description("Runs experiments that compare ways to keep a model fresh.")
    .addCommand(paperCommand());
}

function paperCommand(): Command {
  const command = new Command("paper")
    .summary("frozen, online, full retraining and proactive training on one stream")
    .description(
      "Runs the experiments of Prapas et al., Continuous training and deployment of deep learning " +
        "models (2021): after an initial training on the first samples, each strategy goes over the " +
        "rest in order and is tested on every sample before it learns it. Prints the paper's tables; " +
        "the folder of --out has them too, with all figures as JSON and two charts. Started again, it " +
        "goes on with the rows that are missing, in the middle of the retraining that it was at.",
    )
    .addOption(
      new Option("--experiment <name>", "data set and setting")
        .choices(Object.keys(EXPERIMENTS))
        .makeOptionMandatory(),
    )
    .option("--model <name>", "mnist: lenet5; cifar: lenet5, resnet20, mobilenetV2, resnet18, …")
    .addOption(
      new Option("--scale <f>", "share of the samples, above 0 and up to 1")
        .argParser(share)
        .default(1),
    )
    .addOption(
      new Option(
        "--epochs <n>",
        "of initial training and full retraining (mnist 10, cifar 25)",
      ).argParser(countNumber),
    )
    .addOption(
      new Option("--seeds <list>", "seeds, with commas between")
        .argParser(seeds)
        .default([1, 2, 3], "1,2,3"),
    )
    .addOption(
      new Option(
        "--rows <list>",
        "rows by name, first words (such as warm-start, schedule), or all",
      )
        .argParser((text) => text.split(","))
        .default([], "the paper's, and ours beside them"),
    )
    .option("--init <file>", "ONNX file to start from, instead of fresh weights")
    .option("--data <dir>", "folder with mnist and cifar-10 (or set EVERFRESH_DATA)")
    .option("--out <dir>", "folder for the results (default: below .everfresh/paper)");
  addJsonOption(command);
  return command.action(execute);
}

async function execute(options: PaperCommandOptions): Promise<void> {
  const { scale, seeds, init: file = null } = options;
  const experiment = experimentOf(options);
  const model = modelName(experiment, options.model ?? experiment.model);
  const rows = chosenRows(experiment, options.rows);
  const narrator = new PaperNarrator(terminalOn(process.stderr));
  const data = await loadPaperData(experiment, dataDirectoryOf(experiment, options.data));
  if (!data.isReal) narrator.note(data.description);
  const directory = options.out ?? defaultDirectory(options, experiment, model);
  const store = new RowStore(directory, {
    experiment: experiment.name,
    model,
    initChecksum: file === null ? null : fileChecksum(file),
    epochs: experiment.epochs,
    scale,
    data: data.description,
  });
  using interrupt = interruptSignal();
  const result = await runExperiment({
    experiment,
    model: { name: model, file },
    data,
    seeds,
    rows,
    store,
    signal: interrupt.signal,
    onProgress: (progress) => narrator.tell(progress),
  }).catch((error: unknown) => {
    throw interrupt.signal.aborted ? new InterruptedError(directory) : error;
  });
  const isInitialised = file !== null;
  const report = { experiment, model, scale, data: data.description, isInitialised, result };
  const text = reportText(report);
  const json = JSON.stringify(documentOf(report), null, 2);
  store.writeDocument("results.json", `${json}\n`);
  store.writeDocument("tables.md", text);
  for (const [name, figure] of figuresOf(report)) store.writeDocument(name, figure);
  narrator.conclude(directory);
  process.stdout.write(options.json ? `${json}\n` : text);
}

function experimentOf({ experiment: name, scale, epochs }: PaperCommandOptions): Experiment {
  const experiment = scaled(EXPERIMENTS[name], scale);
  return epochs === undefined ? experiment : { ...experiment, epochs };
}

/** Settings that change a row are in the name, so that each has a folder of its own. */
function defaultDirectory(
  { scale, init }: PaperCommandOptions,
  { name, epochs }: Experiment,
  model: string,
): string {
  const parts = [
    `${name}-${model}-${epochs}-epochs`,
    ...(scale === 1 ? [] : [`scale-${scale}`]),
    ...(init === undefined ? [] : [`from-${path.parse(init).name}`]),
  ];
  return path.join(".everfresh", "paper", parts.join("-"));
}

function share(text: string): number {
  const value = positiveNumber(text);
  if (value > 1) throw new InvalidArgumentError("It must be above 0 and up to 1.");
  return value;
}

function seeds(text: string): readonly number[] {
  const values = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (!values.every((value) => Number.isSafeInteger(value) && value >= 0)) {
    throw new InvalidArgumentError("They must be whole numbers of 0 or more, with commas between.");
  }
  return [...new Set(values)];
}
