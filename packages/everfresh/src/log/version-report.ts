import {
  type DeployedState,
  entryRuns,
  isAbsolute,
  isIncrement,
  type StateLayout,
  type Update,
} from "@everfresh/core";
import {
  decodeUpdate,
  keyName,
  readUpdateHeader,
  type UpdateParts,
  updateParts,
} from "@everfresh/sync";
import { openUpdateLogReader, stateAt, type UpdateLogReader } from "@everfresh/sync/node";
import { StateDirectoryError } from "../errors.ts";
import type { StateDirectory } from "../state/state-directory.ts";
import { lineOf, type VersionLine } from "./log-report.ts";

/** Largest changes that are shown. */
const LARGEST_MAX = 10;

/** What an update did to one tensor. */
export interface TensorLine {
  readonly name: string;
  readonly role: "parameter" | "buffer";
  readonly shape: readonly number[];
  /** Elements that it brought a value for; all of a buffer. */
  readonly entries: number;
}

/** One changed parameter. */
export interface ChangeLine {
  readonly tensor: string;
  /** Position in the tensor, counted through it row by row. */
  readonly element: number;
  readonly before: number;
  readonly after: number;
}

/** What `everfresh show VERSION --json` prints. */
export interface VersionReport extends VersionLine {
  /** Of the state that its update applies to; null where no update leads to it. */
  readonly fingerprintBefore: string | null;
  /** SHA-256 of the manifest of its generation, in hexadecimal. */
  readonly manifestHash: string;
  /** Tensors that the update touched. */
  readonly tensors: readonly TensorLine[];
  /** By magnitude; null where the version before is not kept any more. */
  readonly largestChanges: readonly ChangeLine[] | null;
  readonly bytesByPart: UpdateParts | null;
  /** Id of the key that has signed its update, 8 hexadecimal digits; null where none has. */
  readonly signedBy: string | null;
  /** Random words that the sampler had drawn after the step; null if unknown. */
  readonly samplerDrawn: number | null;
  /** Optimizer steps over which the learning rate of the run rises at first; 0 where it does not. */
  readonly warmUpSteps: number;
}

/**
 * Everything about one version of a run that a trainer may be working on.
 * @throws VersionNotKeptError when the log does not have it
 */
export async function versionReport(
  directory: StateDirectory,
  version: number,
): Promise<VersionReport> {
  await using log = await openUpdateLogReader({ file: directory.databaseFile });
  const generation = await log.generation(version);
  if (generation === null) {
    throw new StateDirectoryError(
      `${directory.path} has a log without a manifest; it is not a run`,
    );
  }
  const { layout } = generation.manifest;
  const [entry] = await log.entries({ limit: 1, before: version });
  // Throws when the version is not there, and says which is.
  if (entry?.version !== version) await stateAt(log, { layout, version });
  if (entry === undefined) throw new StateDirectoryError(`${directory.path} has an empty log`);
  const facts = {
    ...lineOf(entry),
    manifestHash: generation.hash,
    samplerDrawn: entry.lineage?.drawn ?? null,
    warmUpSteps: directory.readRecord()?.warmUpSteps ?? 0,
  };
  const bytes = entry.entries === null ? null : await bytesOf(log, version);
  if (bytes === null) {
    const none = { fingerprintBefore: null, tensors: [], largestChanges: null, bytesByPart: null };
    return { ...facts, ...none, signedBy: null };
  }
  const update = decodeUpdate(bytes, { layout });
  const { keyId } = readUpdateHeader(bytes);
  const oldest = await log.oldest();
  const isKept = oldest !== null && oldest < version;
  const before = isKept ? await stateAt(log, { layout, version: version - 1 }) : null;
  return {
    ...facts,
    fingerprintBefore: update.fingerprintBefore,
    tensors: tensorsOf(update, layout),
    largestChanges: before === null ? null : largestOf(update, before),
    bytesByPart: updateParts(bytes, layout),
    signedBy: keyId === null ? null : keyName(keyId),
  };
}

async function bytesOf(log: UpdateLogReader, version: number): Promise<Uint8Array | null> {
  for await (const bytes of log.range(version, version)) return bytes;
  return null;
}

function tensorsOf({ indices, buffers }: Update, layout: StateLayout): readonly TensorLine[] {
  const line = (tensor: number, entries?: number): readonly TensorLine[] => {
    const found = layout.tensors[tensor];
    if (found === undefined) return [];
    const { name, role, shape, length } = found;
    return [{ name, role, shape, entries: entries ?? length }];
  };
  return [
    ...entryRuns(layout, indices).flatMap(({ tensor, from, to }) => line(tensor, to - from)),
    ...buffers.flatMap(({ tensor }) => line(tensor)),
  ];
}

/** The parameters that moved most, largest first. */
function largestOf(update: Update, { state }: DeployedState): readonly ChangeLine[] {
  const { indices, values, valueType } = update;
  const old = state.parameters;
  const after = new Float32Array(values);
  if (isIncrement(valueType)) {
    for (let i = 0; i < after.length; i++) {
      after[i] = (old[indices[i] ?? 0] ?? 0) + (values[i] ?? 0);
    }
  } else if (!isAbsolute(valueType)) {
    const words = new Uint32Array(after.buffer);
    const sent = new Uint32Array(values.buffer, values.byteOffset, values.length);
    const bits = new Uint32Array(state.buffer, 0, old.length);
    for (let i = 0; i < words.length; i++) {
      words[i] = (sent[i] ?? 0) ^ (bits[indices[i] ?? 0] ?? 0);
    }
  }
  const size = (i: number): number => Math.abs((after[i] ?? 0) - (old[indices[i] ?? 0] ?? 0));
  const order = Array.from(indices, (_, i) => i).sort((a, b) => size(b) - size(a) || a - b);
  const { tensors } = state.layout;
  return order.slice(0, LARGEST_MAX).map((i) => {
    const index = indices[i] ?? 0;
    const entry = tensors.findLast(
      ({ role, wordOffset, length }) => role === "parameter" && length > 0 && wordOffset <= index,
    );
    return {
      tensor: entry?.name ?? "",
      element: index - (entry?.wordOffset ?? 0),
      before: old[index] ?? 0,
      after: after[i] ?? 0,
    };
  });
}
