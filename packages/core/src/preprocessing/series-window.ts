import { ShapeError } from "../errors.ts";
import type { Features } from "../sample.ts";

/**
 * The newest rows of a series, as the raw features of a sample of kind "series": training and serving
 * push every row of a stream and take the window that it ends.
 */
export class SeriesWindow {
  readonly #rows: Float32Array;
  readonly #channels: number;
  readonly #length: number;
  #count = 0;

  /**
   * @param length how many rows a window has
   * @param channels how many numbers a row has
   * @throws ShapeError unless both are whole numbers of 1 or more
   */
  constructor(length: number, channels: number) {
    if (![length, channels].every((size) => Number.isSafeInteger(size) && size > 0)) {
      throw new ShapeError(`A window needs a positive size, got ${length} rows of ${channels}`);
    }
    this.#rows = new Float32Array(length * channels);
    this.#length = length;
    this.#channels = channels;
  }

  /**
   * Takes the next row; gives the window that ends with it, oldest row first, or null while there are
   * too few.
   * @throws ShapeError for a row of another size
   */
  push(row: Features): Float32Array | null {
    if (row.length !== this.#channels) {
      throw new ShapeError(`Row has ${row.length} numbers, the series ${this.#channels}`);
    }
    this.#rows.copyWithin(0, this.#channels);
    this.#rows.set(row, this.#rows.length - this.#channels);
    this.#count++;
    return this.#count < this.#length ? null : this.#rows.slice();
  }
}
