import type { Segment } from "./pen.ts";

/**
 * Draws pen lines with soft edges onto a square of `size` × `size` pixels, row by row, values 0 to
 * 1. A pixel is covered by how far its centre is inside the line, over `softness` pixels:
 *
 *   value = clamp((radius − distance) / softness + ½, 0, 1)
 *
 * Where lines cross the larger value stays.
 */
export function rasterise(
  segments: readonly Segment[],
  size: number,
  softness: number,
): Float32Array {
  const pixels = new Float32Array(size * size);
  for (const segment of segments) drawSegment(pixels, segment, size, softness);
  return pixels;
}

function drawSegment(
  pixels: Float32Array,
  { fromX, fromY, toX, toY, fromRadius, toRadius }: Segment,
  size: number,
  softness: number,
): void {
  const reach = Math.max(fromRadius, toRadius) + softness / 2;
  const left = Math.max(0, Math.floor(Math.min(fromX, toX) - reach));
  const right = Math.min(size - 1, Math.ceil(Math.max(fromX, toX) + reach));
  const top = Math.max(0, Math.floor(Math.min(fromY, toY) - reach));
  const bottom = Math.min(size - 1, Math.ceil(Math.max(fromY, toY) + reach));
  const dx = toX - fromX;
  const dy = toY - fromY;
  const lengthSquared = dx * dx + dy * dy;
  const inverse = lengthSquared > 0 ? 1 / lengthSquared : 0;
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      // Pixel centres lie at half coordinates.
      const px = x + 0.5 - fromX;
      const py = y + 0.5 - fromY;
      const t = Math.min(1, Math.max(0, (px * dx + py * dy) * inverse));
      const awayX = px - t * dx;
      const awayY = py - t * dy;
      const distance = Math.sqrt(awayX * awayX + awayY * awayY);
      const radius = fromRadius + t * (toRadius - fromRadius);
      const value = Math.min(1, (radius - distance) / softness + 0.5);
      const at = y * size + x;
      if (value > (pixels[at] ?? 0)) pixels[at] = value;
    }
  }
}
