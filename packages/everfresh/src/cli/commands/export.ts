import path from "node:path";
import { Command, Option } from "commander";
import { findConfig, loadConfig } from "../../config/load-config.ts";
import { UsageError } from "../../errors.ts";
import type { StateChoice } from "../../export/chosen-state.ts";
import { exportRun, type ExportFormat, type ExportReport } from "../../export/export-run.ts";
import { SEED_DEFAULT } from "../../run/run-goal.ts";
import { addJsonOption, addStateOption, versionNumber } from "../options.ts";
import { release } from "../release.ts";
import { bytes, type Terminal, terminalOn } from "../terminal.ts";
import { builtInDigits } from "./run.ts";

interface ExportCommandOptions {
  readonly json: boolean;
  readonly state?: string;
  readonly config?: string;
  readonly trained: boolean;
  readonly version?: number;
  readonly format?: ExportFormat;
  readonly foldBatchNorm: boolean;
  readonly output?: string;
  readonly force: boolean;
}

const FORMATS: readonly ExportFormat[] = ["onnx", "safetensors"];

/** `everfresh export`: a state of a run as a plain ONNX or safetensors file. */
export function exportCommand(): Command {
  const command = new Command("export")
    .summary("write a model with its current weights as plain ONNX or safetensors")
    .description(
      "Writes the model of a run with its current weights: what replicas serve, or with --trained " +
        "what the trainer had learned at its last checkpoint. A plain ONNX file for any runtime, or " +
        "safetensors; both say in their metadata which version of which model they hold and how its " +
        "input is prepared. A trainer may go on working meanwhile. Configuration and state " +
        "directory are found as `run` finds them.",
    )
    .option("--config <file>", "configuration file (TypeScript or JavaScript)")
    .option("--trained", "the trained weights instead of the deployed ones", false)
    .addOption(
      new Option("--version <n>", "an earlier version of the deployed weights").argParser(
        versionNumber,
      ),
    )
    .addOption(
      new Option("--format <format>", "default: by the name of the file, or onnx").choices(FORMATS),
    )
    .option("--fold-batch-norm", "let layers do the batch normalisation after them", false)
    .option("-o, --output <file>", "default: NAME-vVERSION.onnx in this folder")
    .option("--force", "replace the file if it is there", false);
  addStateOption(addJsonOption(command));
  return command.action(execute);
}

async function execute(options: ExportCommandOptions): Promise<void> {
  const choice = choiceOf(options);
  const format = formatOf(options);
  const configFile = options.config ?? findConfig(process.cwd());
  const loaded = configFile === undefined ? null : await loadConfig(configFile);
  const config = loaded ?? builtInDigits({}, SEED_DEFAULT);
  const report = await exportRun({
    config,
    stateDirectory:
      options.state ??
      path.join(loaded?.directory ?? ".", ".everfresh", loaded?.definition.name ?? "digits"),
    choice,
    format,
    foldBatchNorm: options.foldBatchNorm,
    ...(options.output === undefined ? {} : { file: options.output }),
    overwrite: options.force,
    release: release(),
  });
  tell(report, options, terminalOn(process.stderr));
  if (options.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
}

function choiceOf({ trained, version }: ExportCommandOptions): StateChoice {
  if (!trained) return { kind: "deployed", ...(version === undefined ? {} : { version }) };
  if (version === undefined) return { kind: "trained" };
  throw new UsageError("--version names deployed weights; the trained ones are the newest only");
}

function formatOf({ format, output }: ExportCommandOptions): ExportFormat {
  if (format !== undefined) return format;
  if (output === undefined) return "onnx";
  const extension = path.extname(output).slice(1).toLowerCase();
  const found = FORMATS.find((candidate) => candidate === extension);
  if (found !== undefined) return found;
  throw new UsageError(
    `The name of ${output} does not say in which format; end it in .onnx or .safetensors, or add --format`,
  );
}

function tell(report: ExportReport, options: ExportCommandOptions, terminal: Terminal): void {
  const { model, weights, version, fingerprint, file, folded, sha256 } = report;
  terminal.line(`${model}, ${weights} weights of version ${version}, fingerprint ${fingerprint}`);
  if (options.foldBatchNorm) {
    terminal.line(`${folded} batch normalisation${folded === 1 ? "" : "s"} folded`);
  }
  terminal.line(`wrote ${file}: ${bytes(report.bytes)}, sha256 ${sha256}`);
}
