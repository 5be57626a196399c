import { Command } from "commander";
import { type VersionReport, versionReport } from "../../log/version-report.ts";
import { findStateDirectory } from "../../state/state-directory.ts";
import { addJsonOption, addStateOption, versionNumber } from "../options.ts";
import { type RunPlaceOptions, stateDirectoryOf } from "../state-option.ts";
import { bytes, table } from "../terminal.ts";
import { remarksOf } from "./log.ts";

interface ShowCommandOptions extends RunPlaceOptions {
  readonly json: boolean;
}

/** `everfresh show VERSION`: everything about one version. */
export function showCommand(): Command {
  const command = new Command("show")
    .summary("show one version of a run")
    .description(
      "Shows one version of a run: its fingerprint, the tensors that its update touched, the largest " +
        "changes, where its bytes went, and how it came to be. A trainer may go on working meanwhile.",
    )
    .argument("<version>", "the version", versionNumber)
    .option("--config <file>", "configuration file (TypeScript or JavaScript)");
  addStateOption(addJsonOption(command));
  return command.action(async (version: number, options: ShowCommandOptions) => {
    const { directory } = findStateDirectory(await stateDirectoryOf(options));
    const report = await versionReport(directory, version);
    const text = options.json ? JSON.stringify(report, null, 2) : textOf(report);
    process.stdout.write(`${text}\n`);
  });
}

function textOf(report: VersionReport): string {
  const { version, bytesByPart, tensors, largestChanges, warmUpSteps } = report;
  const remarks = remarksOf(report);
  return [
    `version ${version}${remarks.length === 0 ? "" : `: ${remarks.join(", ")}`}`,
    ...table([
      ["fingerprint", report.fingerprint],
      ...(report.fingerprintBefore === null ? [] : [["before", report.fingerprintBefore]]),
      ["committed", report.time],
      ["event time", report.eventTime ?? "unknown"],
      ["generation", `${report.generation}, manifest ${report.manifestHash.slice(0, 16)}`],
      ["learned", learnedOf(report)],
      ...(warmUpSteps === 0
        ? []
        : [["learning rate", `rises over the first ${warmUpSteps} steps: trained weights`]]),
      ...(report.signedBy === null ? [] : [["signed by", `key ${report.signedBy}`]]),
    ]),
    ...(bytesByPart === null ? [] : bytesOf(report, bytesByPart)),
    ...(tensors.length === 0 ? [] : ["", "tensors"]),
    ...indented(
      tensors.map(({ name, role, shape, entries }) => [
        name,
        `[${shape.join(", ")}]`,
        entries.toLocaleString("en"),
        role === "buffer" ? "whole" : "",
      ]),
    ),
    ...(largestChanges === null || largestChanges.length === 0 ? [] : ["", "largest changes"]),
    ...indented(
      (largestChanges ?? []).map(({ tensor, element, before, after }) => [
        `${tensor}[${element}]`,
        before.toPrecision(6),
        `→ ${after.toPrecision(6)}`,
      ]),
    ),
  ].join("\n");
}

function learnedOf({ step, samples }: VersionReport): string {
  if (step === null || samples === null) return "unknown";
  return `${samples.toLocaleString("en")} samples in ${step.toLocaleString("en")} steps`;
}

function bytesOf(
  { bytes: total, values, entries }: VersionReport,
  parts: NonNullable<VersionReport["bytesByPart"]>,
): readonly string[] {
  const named = Object.entries(parts).filter(([, count]) => count > 0) as [string, number][];
  return [
    "",
    `update of ${bytes(total ?? 0)}: ${entries?.toLocaleString("en") ?? 0} parameters as ${values ?? "nothing"}`,
    ...indented(named.map(([name, count]) => [name, bytes(count)])),
  ];
}

function indented(rows: readonly (readonly string[])[]): readonly string[] {
  return table(rows).map((line) => `  ${line}`);
}
