/** The element types that tensors have here, under their ONNX names in lower case. */
export type DType = "float32" | "int32" | "int64" | "uint8" | "bool";

/** The typed array that holds the elements of each dtype. */
export interface DataByDType {
  readonly float32: Float32Array;
  readonly int32: Int32Array;
  readonly int64: BigInt64Array;
  readonly uint8: Uint8Array;
  /** One byte per element, 0 or 1. */
  readonly bool: Uint8Array;
}

/** Any tensor data. */
export type TensorData = DataByDType[DType];

interface DTypeInfo<D extends DType> {
  /** Bytes of one element. */
  readonly bytes: number;
  /** A view of `length` elements on `buffer` from `byteOffset`. */
  view(buffer: ArrayBufferLike, byteOffset: number, length: number): DataByDType[D];
}

const DTYPES: { readonly [D in DType]: DTypeInfo<D> } = {
  float32: { bytes: 4, view: (b, o, n) => new Float32Array(b, o, n) },
  int32: { bytes: 4, view: (b, o, n) => new Int32Array(b, o, n) },
  int64: { bytes: 8, view: (b, o, n) => new BigInt64Array(b, o, n) },
  uint8: { bytes: 1, view: (b, o, n) => new Uint8Array(b, o, n) },
  bool: { bytes: 1, view: (b, o, n) => new Uint8Array(b, o, n) },
};

/** Bytes of one element of `dtype`. */
export function bytesPerElement(dtype: DType): number {
  return DTYPES[dtype].bytes;
}

/** A typed view of `length` elements on `buffer`, without a copy; `byteOffset` must be aligned. */
export function viewOf<D extends DType>(
  dtype: D,
  buffer: ArrayBufferLike,
  byteOffset: number,
  length: number,
): DataByDType[D] {
  return DTYPES[dtype].view(buffer, byteOffset, length);
}

/** Whether `name` is a dtype that Everfresh knows. */
export function isDType(name: string): name is DType {
  return Object.hasOwn(DTYPES, name);
}
