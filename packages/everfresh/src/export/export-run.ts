/** A state of a run as a file that needs no Everfresh: plain ONNX, or safetensors. */
import { createHash } from "node:crypto";
import path from "node:path";
import type { Fingerprint } from "@everfresh/core";
import {
  encodeSafetensors,
  exportModel,
  foldBatchNorm,
  type Model,
  preprocessingMetadata,
} from "@everfresh/engine";
import type { LoadedConfig } from "../config/load-config.ts";
import { modelOf } from "../config/resolve-model.ts";
import { OutputFileError, StateMismatchError } from "../errors.ts";
import { findStateDirectory } from "../state/state-directory.ts";
import { createAtomically, writeAtomically } from "../state/write-atomically.ts";
import { chosenState, type ChosenState, type StateChoice } from "./chosen-state.ts";

/** The formats of exported files. */
export type ExportFormat = "onnx" | "safetensors";

/** Options of {@link exportRun}. */
export interface ExportRunOptions {
  readonly config: LoadedConfig;
  readonly stateDirectory: string;
  readonly choice: StateChoice;
  readonly format: ExportFormat;
  /** Whether layers take over the batch normalisations after them. */
  readonly foldBatchNorm: boolean;
  /** Where to write; by default a name made of the model's and the version, in this folder. */
  readonly file?: string;
  /** Whether a file that is there is replaced. */
  readonly overwrite: boolean;
  /** Version of Everfresh, for the file. */
  readonly release: string;
}

/** What was written. */
export interface ExportReport {
  /** Absolute path. */
  readonly file: string;
  readonly format: ExportFormat;
  /** Name of the model. */
  readonly model: string;
  readonly weights: StateChoice["kind"];
  readonly version: number;
  /** Of the state that was exported, before batch normalisations were folded. */
  readonly fingerprint: Fingerprint;
  /** Batch normalisations that were folded. */
  readonly folded: number;
  readonly bytes: number;
  /** Of the file, in hexadecimal. */
  readonly sha256: string;
}

const ENCODINGS: {
  readonly [F in ExportFormat]: (
    model: Model,
    metadata: Readonly<Record<string, string>>,
  ) => Uint8Array;
} = {
  onnx: (model, metadata) => exportModel(model, model.state, { metadata }),
  safetensors: (model, metadata) => encodeSafetensors(model.state, metadata),
};

/**
 * Writes a state of a run to a file, while a trainer works on that run or while none does.
 * @throws StateMismatchError when the configuration is of another model than the state directory
 * @throws OutputFileError when the file cannot be written, or is there and must not be replaced
 * @throws EverfreshError what reading configuration and state directory throw
 */
export async function exportRun(options: ExportRunOptions): Promise<ExportReport> {
  const { config, choice, format, overwrite } = options;
  const { name } = config.definition;
  const { directory, record } = findStateDirectory(options.stateDirectory);
  const model = await modelOf(config, record.seed);
  const { parameterCount } = model.state.layout;
  checkSame("model", record.model, name);
  checkSame("parameters", record.parameters, parameterCount);
  const chosen = await chosenState(directory, model.state.layout, choice);
  const current = { ...model, state: chosen.state };
  const { input } = config.definition;
  const written = options.foldBatchNorm ? foldBatchNorm(current) : current;
  const folded = current.graph.nodes.length - written.graph.nodes.length;
  const metadata = {
    ...metadataOf(options, chosen),
    ...preprocessingMetadata(input, chosen.state),
    ...(folded > 0 ? { batchNorm: "folded" } : {}),
  };
  const bytes = ENCODINGS[format](written, metadata);
  const { version, fingerprint } = chosen;
  const label = choice.kind === "deployed" ? `v${version}` : "trained";
  const file = path.resolve(options.file ?? `${name}-${label}.${format}`);
  write(file, bytes, overwrite);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return {
    file,
    format,
    model: name,
    weights: choice.kind,
    version,
    fingerprint,
    folded,
    bytes: bytes.byteLength,
    sha256,
  };
}

/** What the file says about itself. */
function metadataOf(
  { config, choice, release }: ExportRunOptions,
  { version, fingerprint }: ChosenState,
): Readonly<Record<string, string>> {
  const { name, target } = config.definition;
  return {
    name,
    weights: choice.kind,
    version: String(version),
    fingerprint,
    target: JSON.stringify(target),
    everfresh: release,
  };
}

function checkSame(key: string, recorded: string | number, wanted: string | number): void {
  if (recorded === wanted) return;
  throw new StateMismatchError(
    `The state directory holds a run with ${key} ${recorded}, the configuration has ${key} ${wanted}; give the ones that belong together with --state DIR and --config FILE`,
    { key, recorded, wanted },
  );
}

function write(file: string, bytes: Uint8Array, overwrite: boolean): void {
  let written = true;
  try {
    if (overwrite) writeAtomically(file, [bytes]);
    else written = createAtomically(file, [bytes]);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OutputFileError(file, reason, cause);
  }
  if (!written) {
    throw new OutputFileError(file, "it is there already; replace it with --force");
  }
}
