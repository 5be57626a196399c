import { bytesPerElement, type DType, type Shape } from "@everfresh/core";
import { InvalidSafetensorsError, ModelDTypeError } from "../errors.ts";

/** The largest header that is read: the format's own limit. */
const HEADER_BYTES_MAX = 100_000_000;

/** Where a tensor lies, in bytes from the end of the header. */
export interface TensorPlace {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly begin: number;
  readonly end: number;
}

/** The checked header of a safetensors file. */
export interface SafetensorsHeader {
  /** In the order of the file; they cover everything after the header. */
  readonly places: readonly TensorPlace[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Where the elements begin. */
  readonly dataAt: number;
}

const DTYPES: ReadonlyMap<string, DType> = new Map([
  ["F32", "float32"],
  ["I32", "int32"],
  ["I64", "int64"],
  ["U8", "uint8"],
  ["BOOL", "bool"],
]);

/**
 * Reads and checks the header of a safetensors file.
 * @throws InvalidSafetensorsError, ModelDTypeError
 */
export function readSafetensorsHeader(bytes: Uint8Array): SafetensorsHeader {
  const dataAt = endOfHeader(bytes);
  const { __metadata__: metadata = {}, ...entries } = parse(bytes.subarray(8, dataAt));
  const places = Object.entries(entries)
    .map(([name, entry]) => placeOf(name, entry))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  let end = 0;
  for (const place of places) {
    if (place.begin !== end) {
      throw new InvalidSafetensorsError(
        `tensor "${place.name}" begins at ${place.begin}, the one before it ends at ${end}`,
      );
    }
    end = place.end;
  }
  if (end !== bytes.length - dataAt) {
    throw new InvalidSafetensorsError(
      `its tensors take ${end} bytes, the file has ${bytes.length - dataAt} for them`,
    );
  }
  return { places, metadata: textsOf(metadata), dataAt };
}

function endOfHeader(bytes: Uint8Array): number {
  if (bytes.length < 8) throw new InvalidSafetensorsError(`it has only ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(Math.min(HEADER_BYTES_MAX, bytes.length - 8))) {
    throw new InvalidSafetensorsError(
      `its header has ${length} bytes, the file ${bytes.length - 8} after the first 8`,
    );
  }
  return 8 + Number(length);
}

function parse(text: Uint8Array): Readonly<Record<string, unknown>> {
  if (text[0] !== 0x7b) throw new InvalidSafetensorsError('its header does not begin with "{"');
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
  } catch (cause) {
    throw new InvalidSafetensorsError("its header is not JSON", cause);
  }
  return objectOf(header, "its header");
}

function placeOf(name: string, entry: unknown): TensorPlace {
  const { dtype: typeName, shape, data_offsets: offsets } = objectOf(entry, `tensor "${name}"`);
  const [begin, end, ...more] = sizesOf(offsets, `data_offsets of "${name}"`);
  const sizes = sizesOf(shape, `shape of "${name}"`);
  const dtype = typeof typeName === "string" ? DTYPES.get(typeName) : undefined;
  if (dtype === undefined) {
    const supported = [...DTYPES.keys()].join(", ");
    throw new ModelDTypeError(`Tensor "${name}"`, String(typeName), `one of ${supported}`);
  }
  const wanted = sizes.reduce((total, size) => total * size, bytesPerElement(dtype));
  if (begin === undefined || end === undefined || more.length > 0 || end - begin !== wanted) {
    throw new InvalidSafetensorsError(
      `tensor "${name}" of ${wanted} bytes lies at [${sizesOf(offsets, name).join(", ")}]`,
    );
  }
  return { name, dtype, shape: sizes, begin, end };
}

function sizesOf(value: unknown, what: string): readonly number[] {
  const isSize = (size: unknown): size is number => Number.isSafeInteger(size) && Number(size) >= 0;
  if (Array.isArray(value) && value.every(isSize)) return value;
  throw new InvalidSafetensorsError(`${what} must be whole numbers of 0 or more`);
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  const texts = objectOf(value, "__metadata__");
  if (Object.values(texts).every((text) => typeof text === "string")) {
    return texts as Readonly<Record<string, string>>;
  }
  throw new InvalidSafetensorsError("__metadata__ must hold texts only");
}

function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw new InvalidSafetensorsError(`${what} must be an object`);
}
