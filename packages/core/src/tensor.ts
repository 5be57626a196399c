import { type DataByDType, type DType, viewOf, bytesPerElement } from "./dtype.ts";
import { ShapeError } from "./errors.ts";

/** Sizes per dimension, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

/** A dense, row-major array of numbers. */
export interface Tensor<D extends DType = DType> {
  /** Element type. */
  readonly dtype: D;
  /** Sizes per dimension. */
  readonly shape: Shape;
  /** Elements in row-major order; `data.length` is the product of `shape`. */
  readonly data: DataByDType[D];
}

/** Number of elements of a tensor of this shape. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/**
 * A tensor over existing data, without a copy.
 * @throws ShapeError when `data` does not have as many elements as `shape` says.
 */
export function tensor<D extends DType>(dtype: D, shape: Shape, data: DataByDType[D]): Tensor<D> {
  checkShape(shape);
  if (data.length !== sizeOf(shape)) {
    throw new ShapeError(
      `Tensor of shape [${shape.join(", ")}] needs ${sizeOf(shape)} elements, got ${data.length}`,
      { shape, elements: data.length },
    );
  }
  return { dtype, shape, data };
}

/** A tensor of zeros with its own memory. */
export function zeros<D extends DType>(dtype: D, shape: Shape): Tensor<D> {
  checkShape(shape);
  const length = sizeOf(shape);
  const buffer = new ArrayBuffer(length * bytesPerElement(dtype));
  return { dtype, shape, data: viewOf(dtype, buffer, 0, length) };
}

/**
 * Checks the sizes of a shape.
 * @throws ShapeError when one is not a whole number of 0 or more
 */
export function checkShape(shape: Shape): void {
  if (!shape.every((dimension) => Number.isSafeInteger(dimension) && dimension >= 0)) {
    throw new ShapeError(`Shape [${shape.join(", ")}] must hold whole numbers of 0 or more`, {
      shape,
    });
  }
}
