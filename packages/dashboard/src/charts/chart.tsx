import { useEffect, useRef, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";
import uPlot from "uplot";
import { type Mark, plotText, type Plot, type PlotColumns } from "./plot.ts";
import { nearestIndex } from "./series.ts";
import { readPalette, uplotData, uplotOptions } from "./uplot-options.ts";
import { useColourScheme } from "./use-colour-scheme.ts";

const NO_MARKS: readonly Mark[] = [];

/** Properties of {@link Chart}. */
export interface ChartProps<Column extends string> {
  readonly plot: Plot<Column>;
  readonly columns: PlotColumns<Column>;
  readonly height: number;
  /** Moments to mark. */
  readonly marks?: readonly Mark[];
  /** Index of the point that all charts show; null when none is pointed at. */
  readonly cursor: number | null;
  /** Called with the samples of the point that the reader moved to, or null on leaving. */
  readonly onCursor: (samples: number | null) => void;
}

/** A uPlot canvas. The cursor is the parent's, so that all charts show the same point. */
export function Chart<Column extends string>(props: ChartProps<Column>): ReactNode {
  const { plot, columns, cursor, onCursor } = props;
  const host = useRef<HTMLDivElement>(null);
  const drawn = useDrawnPlot(host, props);
  const lastIndex = columns.samples.length - 1;
  const shownIndex = cursor ?? lastIndex;

  function onPointerMove(event: PointerEvent): void {
    const current = drawn.current;
    if (current === null) return;
    const left = event.clientX - current.over.getBoundingClientRect().left;
    const nearest = nearestIndex(columns.samples, current.posToVal(left, "x"));
    onCursor(nearest === null ? null : (columns.samples[nearest] ?? null));
  }

  function onKeyDown(event: KeyboardEvent): void {
    const target = keyTarget(event.key, shownIndex, lastIndex);
    if (target === undefined) return;
    event.preventDefault();
    onCursor(target === null ? null : (columns.samples[target] ?? null));
  }

  return (
    <div
      ref={host}
      className="chart"
      role="slider"
      tabIndex={0}
      aria-label={`${plot.title} over samples`}
      aria-valuemin={columns.samples[0] ?? 0}
      aria-valuemax={columns.samples[lastIndex] ?? 0}
      aria-valuenow={columns.samples[shownIndex] ?? 0}
      aria-valuetext={plotText(plot, columns, shownIndex)}
      onPointerMove={onPointerMove}
      onPointerDown={onPointerMove}
      onPointerLeave={() => onCursor(null)}
      onKeyDown={onKeyDown}
      onFocus={() => onCursor(columns.samples[shownIndex] ?? null)}
      onBlur={() => onCursor(null)}
    />
  );
}

/** Where a key moves the cursor to; null hides it, undefined means that the key is not ours. */
export function keyTarget(key: string, index: number, last: number): number | null | undefined {
  const pageSteps = Math.max(1, Math.round(last / 10));
  switch (key) {
    case "ArrowLeft":
    case "ArrowDown":
      return Math.max(0, index - 1);
    case "ArrowRight":
    case "ArrowUp":
      return Math.min(last, index + 1);
    case "PageDown":
      return Math.max(0, index - pageSteps);
    case "PageUp":
      return Math.min(last, index + pageSteps);
    case "Home":
      return 0;
    case "End":
      return last;
    case "Escape":
      return null;
    default:
      return undefined;
  }
}

/** Draws into the host: anew for another plot or theme, else only what changed. */
function useDrawnPlot<Column extends string>(
  host: { readonly current: HTMLDivElement | null },
  { plot, columns, height, cursor, marks = NO_MARKS }: ChartProps<Column>,
): { readonly current: uPlot | null } {
  const drawn = useRef<uPlot | null>(null);
  const scheme = useColourScheme();
  const shownMarks = useRef(marks);

  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const size = { width: element.clientWidth, height };
    const empty: uPlot.AlignedData = [[], ...plot.lines.map(() => [])];
    const marksNow = (): readonly Mark[] => shownMarks.current;
    const options = uplotOptions(plot, readPalette(element), size, marksNow);
    const created = new uPlot(options, empty, element);
    drawn.current = created;
    const observer = new ResizeObserver(() => {
      created.setSize({ width: element.clientWidth, height });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      created.destroy();
      drawn.current = null;
    };
  }, [host, plot, height, scheme]);

  useEffect(() => {
    shownMarks.current = marks;
    drawn.current?.setData(uplotData(plot, columns));
  }, [plot, columns, height, scheme, marks]);

  useEffect(() => {
    const current = drawn.current;
    if (current === null) return;
    const samples = cursor === null ? undefined : columns.samples[cursor];
    // uPlot hides its cursor at a negative position.
    const left = samples === undefined ? -10 : current.valToPos(samples, "x");
    current.setCursor({ left, top: samples === undefined ? -10 : 0 }, false);
  }, [plot, columns, height, scheme, cursor]);

  return drawn;
}
