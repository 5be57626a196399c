import type uPlot from "uplot";
import { formatCompact } from "../format.ts";
import type { ChartColour, Mark, Plot, PlotColumns } from "./plot.ts";
import { decades, samplesRange } from "./series.ts";

/** A colour of the current theme. */
type Palette = (colour: ChartColour) => string;

const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif';
const Y_AXIS_WIDTH_PX = 62;
const X_AXIS_HEIGHT_PX = 28;
const X_TICK_SPACE_PX = 56;
const X_LABEL_HEIGHT_PX = 20;
/** Two more hexadecimal digits on a colour of the theme: a tint of 8 %. */
const FILL_ALPHA_HEX = "14";
const BAND_ALPHA_HEX = "1f";
const MARK_WIDTH_PX = 1.5;
const Y_TICK_SPACE_PX = 34;

/** The theme of the page as its style sheet has it. */
export function readPalette(element: Element): Palette {
  const style = getComputedStyle(element);
  return (colour) => style.getPropertyValue(`--chart-${colour}`).trim();
}

/** The plot's columns in the order that {@link uplotOptions} declares its lines. */
export function uplotData<Column extends string>(
  plot: Plot<Column>,
  columns: PlotColumns<Column>,
): uPlot.AlignedData {
  return [
    [...columns.samples],
    ...plot.lines.map((line) => [...columns[line.column]]),
  ] as uPlot.AlignedData;
}

/** uPlot's options for a plot; pointer and keyboard are handled outside, so it gets no events. */
export function uplotOptions<Column extends string>(
  plot: Plot<Column>,
  palette: Palette,
  size: { readonly width: number; readonly height: number },
  marks: () => readonly Mark[] = () => [],
): uPlot.Options {
  return {
    ...size,
    hooks: {
      drawClear: [(self) => drawBands(self, plot, palette)],
      draw: [(self) => drawMarks(self, marks(), palette)],
    },
    padding: [10, 14, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: { size: 9, width: 2 },
      bind: silentBindings,
    },
    scales: {
      x: {
        time: false,
        range: (_plot, minimum, maximum) => samplesRange(minimum, maximum),
      },
      y: {
        // The declared enum is ambient: at run time there are only its numbers.
        // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment
        distr: plot.scale === "logarithmic" ? 3 : 1,
        range: (_plot, minimum, maximum) => plot.range(minimum, maximum),
      },
    },
    axes: [xAxis(plot, palette), yAxis(plot, palette)],
    series: [
      {},
      ...plot.lines.map((line) => ({
        label: line.label,
        stroke: palette(line.colour),
        width: line.width,
        ...(line.filled === true ? { fill: `${palette(line.colour)}${FILL_ALPHA_HEX}` } : {}),
        ...(line.dash.length > 0 ? { dash: [...line.dash] } : {}),
        // One point alone has no line to be seen by.
        points: { show: (self: uPlot) => self.data[0].length === 1 },
      })),
    ],
  };
}

function drawBands<Column extends string>(
  self: uPlot,
  { bands = [] }: Plot<Column>,
  palette: Palette,
): void {
  const { ctx, bbox } = self;
  const { min = 0, max = 0 } = self.scales["y"] ?? {};
  ctx.save();
  for (const { from, to, colour } of bands) {
    if (to <= min || from >= max) continue;
    const top = self.valToPos(Math.min(to, max), "y", true);
    const bottom = self.valToPos(Math.max(from, min), "y", true);
    ctx.fillStyle = `${palette(colour)}${BAND_ALPHA_HEX}`;
    ctx.fillRect(bbox.left, top, bbox.width, bottom - top);
  }
  ctx.restore();
}

function drawMarks(self: uPlot, marks: readonly Mark[], palette: Palette): void {
  const { ctx, bbox } = self;
  const { min = 0, max = 0 } = self.scales["x"] ?? {};
  ctx.save();
  for (const { samples, colour, dash } of marks) {
    if (samples < min || samples > max) continue;
    const left = self.valToPos(samples, "x", true);
    ctx.strokeStyle = palette(colour);
    ctx.lineWidth = MARK_WIDTH_PX * devicePixelRatio;
    ctx.setLineDash(dash.map((length) => length * devicePixelRatio));
    ctx.beginPath();
    ctx.moveTo(left, bbox.top);
    ctx.lineTo(left, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

const ignoreEvent = (): null => null;

const silentBindings: uPlot.Cursor.Bind = {
  mousedown: ignoreEvent,
  mouseup: ignoreEvent,
  click: ignoreEvent,
  dblclick: ignoreEvent,
  mousemove: ignoreEvent,
  mouseenter: ignoreEvent,
  mouseleave: ignoreEvent,
};

function xAxis<Column extends string>(plot: Plot<Column>, palette: Palette): uPlot.Axis {
  return {
    font: FONT,
    size: X_AXIS_HEIGHT_PX,
    label: plot.axis ?? "Samples learned",
    labelFont: FONT,
    labelSize: X_LABEL_HEIGHT_PX,
    labelGap: 2,
    space: X_TICK_SPACE_PX,
    stroke: palette("muted"),
    grid: { show: false },
    ticks: { stroke: palette("grid"), width: 1, size: 4 },
    gap: 4,
    incrs: wholeIncrements(),
    values: (_plot, values) => values.map(formatCompact),
  };
}

function yAxis<Column extends string>(plot: Plot<Column>, palette: Palette): uPlot.Axis {
  return {
    font: FONT,
    size: Y_AXIS_WIDTH_PX,
    space: Y_TICK_SPACE_PX,
    stroke: palette("muted"),
    grid: { stroke: palette("grid"), width: 1 },
    ticks: { show: false },
    ...(plot.scale === "logarithmic" ? { splits: decadeSplits } : {}),
    gap: 8,
    // On a logarithmic axis uPlot leaves null where a tick has no room for its value.
    values: (_plot, values: (number | null)[]) =>
      values.map((value) => (value === null ? "" : plot.tick(value))),
  };
}

function decadeSplits(_plot: uPlot, _axis: number, minimum: number, maximum: number): number[] {
  return decades(minimum, maximum);
}

/** Samples come whole: 1, 2, 5, 10, 20, 50 and so on to ten thousand million. */
function wholeIncrements(): number[] {
  const decades = Array.from({ length: 11 }, (_none, exponent) => 10 ** exponent);
  return decades.flatMap((decade) => [decade, 2 * decade, 5 * decade]);
}
