import {
  classes,
  type ClassTarget,
  image,
  isDType,
  loadPreprocessor,
  numeric,
  type Pipeline,
  plainShapeOf,
  type Preprocessing,
  type Shape,
  ShapeError,
  sizeOf,
  stateLayout,
  type StateLayout,
  type StateTensorSpec,
} from "@everfresh/core";

import { CorruptManifestError } from "../errors.ts";
import type { Manifest, NamedShape } from "../manifest.ts";
import { type ByteReader, type FormatHead, openChecked } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";
import { PARAMETERS_MAX, TENSORS_MAX } from "./limits.ts";
import { SEAL_BYTES, UPDATE_FLAGS } from "./update-header.ts";

/**
 * Longest description, without the graph: room for tens of thousands of tensors with long names.
 */
const MANIFEST_JSON_BYTES_MAX: number = 16 * 2 ** 20;

/** Longest log id in bytes; a UUID has 36. */
export const LOG_ID_BYTES_MAX = 64;

/** Of manifests whose preprocessing is a pipeline: a replica that knows none must not read them. */
const PIPELINE_HEAD: FormatHead = { what: "Manifest", magic: "EM", version: 3 };

/** Of all others. */
const PLAIN_HEAD: FormatHead = { ...PIPELINE_HEAD, version: 2 };

/**
 * The bytes of a manifest, unsigned: `"EM" │ 02, or 03 with a pipeline │ flags │ JSON length │ JSON │
 * graph │ CRC-32`.
 */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const { name, logId, layout, input, output, preprocessing, target, graph } = manifest;
  const tensors = layout.tensors.map(({ name, role, dtype, shape }) => ({
    name,
    role,
    dtype,
    shape,
  }));
  const writer = new ByteWriter(graph.length + 4096);
  const head = headFor(preprocessing);
  writer.raw(new TextEncoder().encode(head.magic));
  writer.u8(head.version);
  writer.u8(0);
  writer.text(JSON.stringify({ name, logId, tensors, input, output, preprocessing, target }));
  writer.raw(graph);
  return writer.finishWithCrc();
}

/**
 * The manifest that `bytes` stand for, every field checked but those of a pipeline, for which there is
 * {@link checkManifest}; its `graph` is a copy. A signature is not looked at.
 * @throws UnsupportedFormatError for another format version
 * @throws CorruptManifestError when checksum, structure or content are wrong
 */
export function decodeManifest(bytes: Uint8Array): Manifest {
  const { reader, flags } = openManifest(bytes);
  const json = reader.text(MANIFEST_JSON_BYTES_MAX, "description");
  const isSigned = (flags & UPDATE_FLAGS.signed) !== 0;
  const graphBytes = reader.remaining - (isSigned ? SEAL_BYTES : 0);
  if (graphBytes < 0) throw fail("its signature is too short");
  const graph = reader.raw(graphBytes).slice();
  try {
    const manifest = { ...manifestOf(JSON.parse(json)), graph };
    const { version } = headFor(manifest.preprocessing);
    if (version !== headOf(bytes).version) throw fail(`its content is of version ${version}`);
    return manifest;
  } catch (error) {
    if (error instanceof CorruptManifestError) throw error;
    // The builders of core and JSON.parse say what is wrong.
    throw fail(error instanceof Error ? error.message : String(error));
  }
}

/**
 * Checks a pipeline field by field, and that preprocessing fits: its steps one another, the graph's
 * input, the statistics among the tensors. Apart from decoding, because most pages have no pipeline and
 * should not load what checks one.
 * @throws CorruptManifestError when it does not
 */
export async function checkManifest({ preprocessing, input, layout }: Manifest): Promise<void> {
  try {
    const { inputShape } = await loadPreprocessor(preprocessing, layout);
    checkInput(input, sizeOf(inputShape));
  } catch (error) {
    if (error instanceof ShapeError) throw fail(error.message);
    throw error;
  }
}

/** A manifest whose checksum is right, read up to and with its flags. */
export function openManifest(bytes: Uint8Array): {
  readonly reader: ByteReader;
  readonly flags: number;
} {
  const reader = openChecked(bytes, headOf(bytes), fail);
  const flags = reader.u8();
  if ((flags & ~UPDATE_FLAGS.signed) !== 0) throw fail(`flags ${flags} are unknown`);
  return { reader, flags };
}

function headFor({ kind }: Preprocessing): FormatHead {
  return kind === "pipeline" ? PIPELINE_HEAD : PLAIN_HEAD;
}

/** The head that bytes claim to have; where they claim another one, the newest. */
function headOf(bytes: Uint8Array): FormatHead {
  return bytes[PLAIN_HEAD.magic.length] === PLAIN_HEAD.version ? PLAIN_HEAD : PIPELINE_HEAD;
}

function fail(reason: string): CorruptManifestError {
  return new CorruptManifestError(reason);
}

function checkInput({ shape }: NamedShape, made: number): void {
  if (sizeOf(shape) === made) return;
  throw fail(`input [${shape.join(", ")}] does not take what preprocessing makes`);
}

function manifestOf(json: unknown): Omit<Manifest, "graph"> {
  const fields = recordOf(json, "manifest");
  const preprocessing = preprocessingOf(fields["preprocessing"]);
  const input = namedShapeOf(fields["input"], "input");
  const output = namedShapeOf(fields["output"], "output");
  const target = targetOf(fields["target"]);
  if (preprocessing.kind !== "pipeline") checkInput(input, sizeOf(plainShapeOf(preprocessing)));
  if (sizeOf(output.shape) !== target.count) {
    throw fail(`output [${output.shape.join(", ")}] does not have ${target.count} classes`);
  }
  const logId = textOf(fields["logId"], "logId");
  if (logId.length === 0 || new TextEncoder().encode(logId).length > LOG_ID_BYTES_MAX) {
    throw fail(`logId must have 1 to ${LOG_ID_BYTES_MAX} bytes`);
  }
  const layout = layoutOf(fields["tensors"]);
  return {
    name: textOf(fields["name"], "name"),
    logId,
    layout,
    input,
    output,
    preprocessing,
    target,
  };
}

function layoutOf(value: unknown): StateLayout {
  const list = listOf(value, "tensors");
  if (list.length > TENSORS_MAX) throw fail(`${list.length} tensors are too many`);
  const layout = stateLayout(list.map(tensorSpecOf));
  if (layout.byteLength > PARAMETERS_MAX * 4) throw fail(`a state of ${layout.byteLength} bytes`);
  return layout;
}

function tensorSpecOf(value: unknown): StateTensorSpec {
  const fields = recordOf(value, "tensor");
  const name = textOf(fields["name"], "name of a tensor");
  const role = fields["role"];
  const dtype = textOf(fields["dtype"], `dtype of ${name}`);
  if (role !== "parameter" && role !== "buffer") throw fail(`role of ${name} is unknown`);
  if (!isDType(dtype)) throw fail(`dtype ${dtype} of ${name} is unknown`);
  return { name, role, dtype, shape: shapeOf(fields["shape"], `shape of ${name}`) };
}

/** What is inside of a pipeline is left to {@link checkManifest}. */
function preprocessingOf(value: unknown): Preprocessing {
  const fields = recordOf(value, "preprocessing");
  const kind = textOf(fields["kind"], "kind of preprocessing");
  if (kind === "pipeline") return value as Pipeline;
  if (kind === "numeric") return numericOf(fields);
  if (kind !== "image") throw fail(`preprocessing "${kind}" is unknown`);
  return image({
    width: numberOf(fields["width"], "width"),
    height: numberOf(fields["height"], "height"),
    channels: numberOf(fields["channels"], "channels"),
    mean: numbersOf(fields["mean"], "mean"),
    std: numbersOf(fields["std"], "std"),
  });
}

function numericOf(fields: Readonly<Record<string, unknown>>): Preprocessing {
  const size = numberOf(fields["size"], "size");
  if (fields["mean"] === undefined && fields["std"] === undefined) return numeric(size);
  return numeric(size, {
    mean: numbersOf(fields["mean"], "mean"),
    std: numbersOf(fields["std"], "std"),
    ...(fields["limit"] === undefined ? {} : { limit: numberOf(fields["limit"], "limit") }),
  });
}

function numbersOf(value: unknown, what: string): readonly number[] {
  return listOf(value, what).map((entry) => numberOf(entry, what));
}

function targetOf(value: unknown): ClassTarget {
  const fields = recordOf(value, "target");
  if (fields["kind"] !== "classes") throw fail("kind of target is unknown");
  const labels = listOf(fields["labels"], "labels").map((label) => textOf(label, "label"));
  return classes(numberOf(fields["count"], "count"), labels);
}

function namedShapeOf(value: unknown, name: string): NamedShape {
  const fields = recordOf(value, name);
  return {
    name: textOf(fields["name"], `name of ${name}`),
    shape: shapeOf(fields["shape"], `shape of ${name}`),
  };
}

function shapeOf(value: unknown, name: string): Shape {
  const shape = listOf(value, name).map((dimension) => numberOf(dimension, name));
  const positive = shape.every((dimension) => Number.isSafeInteger(dimension) && dimension >= 0);
  if (!positive || sizeOf(shape) > PARAMETERS_MAX) throw fail(`${name} is [${shape.join(", ")}]`);
  return shape;
}

function recordOf(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw fail(`${name} is not an object`);
  }
  return value as Readonly<Record<string, unknown>>;
}

function listOf(value: unknown, name: string): readonly unknown[] {
  if (!Array.isArray(value)) throw fail(`${name} is not a list`);
  return value;
}

function textOf(value: unknown, name: string): string {
  if (typeof value !== "string") throw fail(`${name} is not text`);
  return value;
}

function numberOf(value: unknown, name: string): number {
  if (typeof value !== "number") throw fail(`${name} is not a number`);
  return value;
}
