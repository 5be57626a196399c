import { ShapeError } from "../errors.ts";
import type { Random } from "../random.ts";
import type { Shape } from "../tensor.ts";
import type { Augmentation } from "./pipeline.ts";

/**
 * Checks an augmentation for inputs of a shape.
 * @throws ShapeError for what is no image, or numbers that cannot be
 */
export function checkAugmentation(augmentation: Augmentation, shape: Shape): void {
  const { shiftPixels = 0, fill = 0, contrast = 0, brightness = 0 } = augmentation;
  if (shape.length !== 3) {
    throw new ShapeError(`Augmentation takes images, not inputs of [${shape.join(", ")}]`);
  }
  const isRight =
    Number.isSafeInteger(shiftPixels) &&
    shiftPixels >= 0 &&
    [fill, contrast, brightness].every(Number.isFinite) &&
    contrast >= 0 &&
    brightness >= 0;
  if (isRight) return;
  throw new ShapeError(
    `Augmentation needs whole shiftPixels and numbers of 0 or more, got ${JSON.stringify(augmentation)}`,
  );
}

/**
 * Changes one image [channels, height, width] in place. It draws eight words from `random` whatever
 * the augmentation, so a batch can be made again from its position.
 */
export function augmentImage(
  image: Float32Array,
  shape: Shape,
  augmentation: Augmentation,
  random: Random,
): void {
  const { flip = false, shiftPixels = 0, fill = 0, contrast = 0, brightness = 0 } = augmentation;
  const isFlipped = random.float() < 0.5 && flip;
  const shift = random.float();
  const [gain, offset] = [random.float(), random.float()];
  // One draw for both directions: its whole multiples of 1 / places are the column, the rest the row.
  const places = 2 * shiftPixels + 1;
  const column = Math.floor(shift * places);
  const row = Math.floor((shift * places - column) * places);
  const moved = {
    dx: column - shiftPixels,
    dy: row - shiftPixels,
    factor: 1 + contrast * (2 * gain - 1),
    term: brightness * (2 * offset - 1),
  };
  const [channels = 0, height = 0, width = 0] = shape;
  const before = image.slice();
  let at = 0;
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      const fromY = y - moved.dy;
      for (let x = 0; x < width; x++) {
        const shifted = x - moved.dx;
        const fromX = isFlipped ? width - 1 - shifted : shifted;
        const isInside = fromY >= 0 && fromY < height && fromX >= 0 && fromX < width;
        const value = isInside ? (before[(c * height + fromY) * width + fromX] ?? 0) : fill;
        image[at++] = value * moved.factor + moved.term;
      }
    }
  }
}
