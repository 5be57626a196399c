import type { Random } from "@everfresh/core";
import { type Glyph, GLYPHS, type PenPoint, type Stroke } from "./glyphs.ts";
import { type LinePoint, penLines, type Segment } from "./pen.ts";

/** Pixels along each side of an image. */
export const IMAGE_SIZE = 28;
/** Pixels along each side of the box that a digit is scaled into, as in MNIST. */
const BOX_SIZE = 20;

/** The hand that writes one digit: everything that is the same for all of its strokes. */
interface Hand {
  /** Radians, clockwise. */
  readonly rotation: number;
  /** How far the top leans to the right, as a share of the height. */
  readonly slant: number;
  /** Width to height, against the usual one. */
  readonly width: number;
  /** Deviation of a pen point from its place, as a share of the height. */
  readonly unsteadiness: number;
  /** Half the width of the line, in pixels. */
  readonly penRadius: number;
  /** How much wider the line gets from the first to the last point, as a share. */
  readonly pressureGain: number;
  /** How much of the box the digit fills, 0 to 1. */
  readonly fill: number;
}

/**
 * The pen lines of one handwritten digit in an image of {@link IMAGE_SIZE} pixels: a common variant
 * of the digit, bent and slanted by a random hand, scaled into the box and centred by its mass of
 * ink.
 * @param turn radians by which the finished digit is turned clockwise around the image's middle
 */
export function writeDigit(digit: number, random: Random, turn = 0): readonly Segment[] {
  const hand = drawHand(random);
  const glyph = drawGlyph(GLYPHS[digit] ?? [], random);
  const bent = bend(glyph.strokes, hand.unsteadiness, random);
  const lines = penLines(bent).map((line) => line.map((point) => lean(point, hand)));
  return turned(centred(segmentsOf(scaled(lines, hand), hand), random), turn);
}

function drawHand(random: Random): Hand {
  // Most people write neatly; some do not.
  const hasty = random.float() < 0.2;
  return {
    rotation: random.normal(0, 0.12),
    slant: Math.min(0.6, Math.max(-0.4, random.normal(0.15, 0.22))),
    width: Math.exp(random.normal(0.12, 0.2)),
    unsteadiness: hasty ? random.uniform(0.04, 0.075) : random.uniform(0.012, 0.042),
    penRadius: Math.min(1.9, Math.max(0.7, Math.exp(random.normal(0.18, 0.22)))),
    pressureGain: random.normal(0, 0.18),
    fill: random.uniform(0.92, 1),
  };
}

function drawGlyph(variants: readonly Glyph[], random: Random): Glyph {
  let rest = random.float();
  for (const variant of variants) {
    rest -= variant.share;
    if (rest < 0) return variant;
  }
  return variants.at(-1) ?? { share: 1, strokes: [] };
}

/** Moves every pen point a little, on a slow wave that keeps neighbours together and on its own. */
function bend(strokes: readonly Stroke[], unsteadiness: number, random: Random): readonly Stroke[] {
  const waveX = { size: random.normal(0, 0.045), phase: random.uniform(0, 2 * Math.PI) };
  const waveY = { size: random.normal(0, 0.045), phase: random.uniform(0, 2 * Math.PI) };
  const frequency = random.uniform(3, 7);
  return strokes.map((stroke) =>
    stroke.map(([x, y, turn]): PenPoint => {
      const wavedX = x + waveX.size * Math.sin(frequency * y + waveX.phase);
      const wavedY = y + waveY.size * Math.sin(frequency * x + waveY.phase);
      const movedX = wavedX + unsteadiness * uniformDeviation(random);
      const movedY = wavedY + unsteadiness * uniformDeviation(random);
      return turn === undefined ? [movedX, movedY] : [movedX, movedY, turn];
    }),
  );
}

/** Uniform with mean 0 and deviation 1, from one random word: hands slip, but never wildly. */
function uniformDeviation(random: Random): number {
  return (random.uint32() / 2 ** 31 - 1) * Math.sqrt(3);
}

/** Width, slant and rotation around the digit's middle. */
function lean(point: LinePoint, { width, slant, rotation }: Hand): LinePoint {
  const y = point.y - 0.5;
  const x = (point.x - 0.33) * width - slant * y;
  const cos = Math.cos(rotation);
  const sin = Math.sin(rotation);
  return { x: cos * x - sin * y, y: sin * x + cos * y, progress: point.progress };
}

/** Scales so that the larger side, line width included, fills its share of the box. */
function scaled(
  lines: readonly (readonly LinePoint[])[],
  { fill, penRadius }: Hand,
): readonly (readonly LinePoint[])[] {
  let left = Infinity;
  let right = -Infinity;
  let top = Infinity;
  let bottom = -Infinity;
  for (const { x, y } of lines.flat()) {
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  const scale = (BOX_SIZE * fill - 2 * penRadius) / Math.max(right - left, bottom - top);
  return lines.map((line) =>
    line.map(({ x, y, progress }) => ({ x: x * scale, y: y * scale, progress })),
  );
}

function segmentsOf(
  lines: readonly (readonly LinePoint[])[],
  { penRadius, pressureGain }: Hand,
): readonly Segment[] {
  const radius = (progress: number): number =>
    Math.max(0.5, penRadius * (1 + pressureGain * (progress - 0.5)));
  return lines.flatMap((line) =>
    line.slice(1).map((to, i): Segment => {
      const from = line[i] ?? to;
      return {
        fromX: from.x,
        fromY: from.y,
        toX: to.x,
        toY: to.y,
        fromRadius: radius(from.progress),
        toRadius: radius(to.progress),
      };
    }),
  );
}

/** Moves the centre of mass of the ink to the middle of the image, give or take half a pixel. */
function centred(segments: readonly Segment[], random: Random): readonly Segment[] {
  let mass = 0;
  let momentX = 0;
  let momentY = 0;
  for (const { fromX, fromY, toX, toY, fromRadius, toRadius } of segments) {
    const ink = Math.hypot(toX - fromX, toY - fromY) * (fromRadius + toRadius);
    mass += ink;
    momentX += (ink * (fromX + toX)) / 2;
    momentY += (ink * (fromY + toY)) / 2;
  }
  const moveX = IMAGE_SIZE / 2 - momentX / mass + random.uniform(-0.5, 0.5);
  const moveY = IMAGE_SIZE / 2 - momentY / mass + random.uniform(-0.5, 0.5);
  return segments.map((segment) => ({
    ...segment,
    fromX: segment.fromX + moveX,
    fromY: segment.fromY + moveY,
    toX: segment.toX + moveX,
    toY: segment.toY + moveY,
  }));
}

function turned(segments: readonly Segment[], angle: number): readonly Segment[] {
  if (angle === 0) return segments;
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const middle = IMAGE_SIZE / 2;
  const turnX = (x: number, y: number): number => middle + cos * (x - middle) - sin * (y - middle);
  const turnY = (x: number, y: number): number => middle + sin * (x - middle) + cos * (y - middle);
  return segments.map((segment) => ({
    ...segment,
    fromX: turnX(segment.fromX, segment.fromY),
    fromY: turnY(segment.fromX, segment.fromY),
    toX: turnX(segment.toX, segment.toY),
    toY: turnY(segment.toX, segment.toY),
  }));
}
