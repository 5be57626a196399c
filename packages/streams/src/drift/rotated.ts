import { assert, type Features, type Sample } from "@everfresh/core";
import type { ReadOptions, Source } from "../sources/source.ts";

/** Options of {@link rotated}. */
export interface RotationOptions {
  /** Position of the first turned sample. */
  readonly fromSample: number;
  /** How far images are turned in the end, clockwise. */
  readonly degrees: number;
  /** Over how many samples the angle grows, evenly; 0 for all at once. @default 0 */
  readonly overSamples?: number;
}

/** How images of one size lie in their features: planes of rows. */
interface ImageSize {
  readonly planes: number;
  readonly rows: number;
  readonly columns: number;
}

/**
 * The images of a source, turned around their middle from a sample on: an abrupt drift of what comes
 * in, or a gradual one. Ids, times and labels stay. The angle at position i is
 *
 *   degrees · min(1, (i − fromSample + 1) / overSamples)
 *
 * Pixels are interpolated between the four that they fall between; around an image all is 0.
 * @throws RangeError for a source without images, or numbers that are out of their ranges
 */
export function rotated(source: Source, options: RotationOptions): Source {
  const { fromSample, degrees, overSamples = 0 } = options;
  for (const value of [fromSample, overSamples]) {
    if (Number.isSafeInteger(value) && value >= 0) continue;
    throw new RangeError(
      `rotated() takes whole numbers of 0 or more as fromSample and overSamples, got ${value}`,
    );
  }
  if (!Number.isFinite(degrees)) {
    throw new RangeError(`rotated() takes a finite number of degrees, got ${degrees}`);
  }
  const [planes, rows, columns, ...more] = source.schema.features.shape;
  if (planes === undefined || rows === undefined || columns === undefined || more.length > 0) {
    const shape = source.schema.features.shape.join(", ");
    throw new RangeError(`rotated() takes images [planes, rows, columns], got [${shape}]`);
  }
  const size: ImageSize = { planes, rows, columns };
  const turn = (sample: Sample, position: number): Sample => {
    if (position < fromSample) return sample;
    const share = overSamples === 0 ? 1 : Math.min(1, (position - fromSample + 1) / overSamples);
    return { ...sample, features: turnedImage(sample.features, size, degrees * share) };
  };
  assert(source.following === undefined, "images that are turned have their labels");
  return {
    ...source,
    read: (readOptions: ReadOptions = {}) =>
      turnedSamples(source.read(readOptions), readOptions.from ?? 0, turn),
  };
}

async function* turnedSamples(
  samples: AsyncIterable<Sample>,
  from: number,
  turn: (sample: Sample, position: number) => Sample,
): AsyncGenerator<Sample, void, undefined> {
  let position = from;
  for await (const sample of samples) yield turn(sample, position++);
}

/**
 * Where the pixel (column c, row r) of the turned image comes from, with c and r from the middle:
 *
 *   (c cos a + r sin a, r cos a − c sin a)
 */
function turnedImage(image: Features, size: ImageSize, degrees: number): Features {
  const { planes, rows, columns } = size;
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const isBytes = image instanceof Uint8Array;
  const turned = isBytes ? new Uint8Array(image.length) : new Float32Array(image.length);
  const [middleRow, middleColumn] = [(rows - 1) / 2, (columns - 1) / 2];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const down = row - middleRow;
      const right = column - middleColumn;
      const fromRow = middleRow + down * cos - right * sin;
      const fromColumn = middleColumn + right * cos + down * sin;
      for (let plane = 0; plane < planes; plane++) {
        const value = pixelBetween(image, size, { plane, row: fromRow, column: fromColumn });
        turned[(plane * rows + row) * columns + column] = isBytes ? Math.round(value) : value;
      }
    }
  }
  return turned;
}

/** Bilinear: the four pixels around, each by how near it is. */
function pixelBetween(
  image: Features,
  { rows, columns }: ImageSize,
  at: { readonly plane: number; readonly row: number; readonly column: number },
): number {
  const top = Math.floor(at.row);
  const left = Math.floor(at.column);
  const below = at.row - top;
  const beside = at.column - left;
  const start = at.plane * rows * columns;
  const pixel = (row: number, column: number): number =>
    row >= 0 && row < rows && column >= 0 && column < columns
      ? (image[start + row * columns + column] ?? 0)
      : 0;
  return (
    (1 - below) * ((1 - beside) * pixel(top, left) + beside * pixel(top, left + 1)) +
    below * ((1 - beside) * pixel(top + 1, left) + beside * pixel(top + 1, left + 1))
  );
}
