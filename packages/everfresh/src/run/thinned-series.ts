/**
 * A series of bounded length that keeps its whole span: when it is full, every second point goes
 * and from then on only every second (fourth, eighth, ...) new point is kept.
 */
export class ThinnedSeries<Point> {
  readonly #pointsMax: number;
  #points: Point[] = [];
  #latest: Point | null = null;
  #stride = 1;
  #seen = 0;

  /** @param pointsMax most points that are kept, 2 or more */
  constructor(pointsMax: number) {
    this.#pointsMax = pointsMax;
  }

  add(point: Point): void {
    this.#latest = point;
    if (this.#seen++ % this.#stride !== 0) return;
    this.#points.push(point);
    if (this.#points.length < this.#pointsMax) return;
    this.#points = this.#points.filter((_, i) => i % 2 === 0);
    this.#stride *= 2;
  }

  /** The kept points in order; the latest is always among them. */
  points(): readonly Point[] {
    const last = this.#points.at(-1);
    return this.#latest === null || this.#latest === last
      ? [...this.#points]
      : [...this.#points, this.#latest];
  }
}
