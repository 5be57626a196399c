import type { PenPoint, Stroke } from "./glyphs.ts";

/** A straight piece of a pen line, in any coordinates; the pen's half width may change along it. */
export interface Segment {
  readonly fromX: number;
  readonly fromY: number;
  readonly toX: number;
  readonly toY: number;
  readonly fromRadius: number;
  readonly toRadius: number;
}

/** A point on a pen line. */
export interface LinePoint {
  readonly x: number;
  readonly y: number;
  /** How much of the whole drawing is behind the pen here, 0 to 1. */
  readonly progress: number;
}

/** Straight pieces per span between two pen points: at 20 pixels height the curve looks smooth. */
const PIECES_PER_SPAN = 5;

/**
 * The smooth line of each stroke, as points close enough to connect by straight pieces: a
 * Catmull-Rom spline (Catmull, Rom 1974) through the pen points, which breaks at corners.
 *
 *   p(t) = ½ [2p₁ + (p₂ − p₀) t + (2p₀ − 5p₁ + 4p₂ − p₃) t² + (3p₁ − p₀ − 3p₂ + p₃) t³]
 */
export function penLines(strokes: readonly Stroke[]): readonly (readonly LinePoint[])[] {
  const spans = strokes.reduce((sum, stroke) => sum + stroke.length - 1, 0);
  let done = 0;
  return strokes.map((stroke) => {
    const line: LinePoint[] = [];
    for (let i = 0; i + 1 < stroke.length; i++) {
      const p1 = pointAt(stroke, i);
      const p2 = pointAt(stroke, i + 1);
      const p0 = p1[2] === "corner" || i === 0 ? p1 : pointAt(stroke, i - 1);
      const p3 = p2[2] === "corner" || i + 2 === stroke.length ? p2 : pointAt(stroke, i + 2);
      for (let piece = i === 0 ? 0 : 1; piece <= PIECES_PER_SPAN; piece++) {
        const t = piece / PIECES_PER_SPAN;
        line.push({
          x: spline(p0[0], p1[0], p2[0], p3[0], t),
          y: spline(p0[1], p1[1], p2[1], p3[1], t),
          progress: (done + t) / spans,
        });
      }
      done++;
    }
    return line;
  });
}

function pointAt(stroke: Stroke, index: number): PenPoint {
  return stroke[index] ?? [0, 0];
}

function spline(p0: number, p1: number, p2: number, p3: number, t: number): number {
  const a = 2 * p0 - 5 * p1 + 4 * p2 - p3;
  const b = 3 * p1 - p0 - 3 * p2 + p3;
  return 0.5 * (2 * p1 + (p2 - p0) * t + a * t * t + b * t * t * t);
}
