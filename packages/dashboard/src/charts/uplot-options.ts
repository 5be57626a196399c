import type uPlot from "uplot";
import { formatCompact } from "../format.ts";
import type { ChartColour, Plot } from "./plot.ts";
import { decades, samplesRange, type Columns } from "./series.ts";

/** A colour of the current theme. */
type Palette = (colour: ChartColour) => string;

const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif';
const Y_AXIS_WIDTH_PX = 62;
const X_AXIS_HEIGHT_PX = 28;
const X_TICK_SPACE_PX = 56;
const X_LABEL_HEIGHT_PX = 20;
/** Two more hexadecimal digits on a colour of the theme: a tint of 8 %. */
const FILL_ALPHA_HEX = "14";
const Y_TICK_SPACE_PX = 34;

/** The theme of the page as its style sheet has it. */
export function readPalette(element: Element): Palette {
  const style = getComputedStyle(element);
  return (colour) => style.getPropertyValue(`--chart-${colour}`).trim();
}

/** The plot's columns in the order that {@link uplotOptions} declares its lines. */
export function uplotData(plot: Plot, columns: Columns): uPlot.AlignedData {
  return [
    [...columns.samples],
    ...plot.lines.map((line) => [...columns[line.column]]),
  ] as uPlot.AlignedData;
}

/** uPlot's options for a plot; pointer and keyboard are handled outside, so it gets no events. */
export function uplotOptions(
  plot: Plot,
  palette: Palette,
  size: { readonly width: number; readonly height: number },
): uPlot.Options {
  return {
    ...size,
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
    axes: [xAxis(palette), yAxis(plot, palette)],
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

function xAxis(palette: Palette): uPlot.Axis {
  return {
    font: FONT,
    size: X_AXIS_HEIGHT_PX,
    label: "Samples learned",
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

function yAxis(plot: Plot, palette: Palette): uPlot.Axis {
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
