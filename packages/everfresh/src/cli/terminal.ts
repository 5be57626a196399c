import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** Writes for people: to stderr, so that stdout stays free for a result; plain when piped. */
export interface Terminal {
  /** A line that stays. */
  line(text: string): void;
  /** A line that the next one replaces; shown on a terminal only. */
  progress(text: string): void;
  /** `text` in a style, where the output can show it. */
  style(style: Style, text: string): string;
  /** Whether anyone is watching. */
  readonly interactive: boolean;
}

const CLEAR_LINE = "\r\u001b[2K";

/** A terminal on a stream such as `process.stderr`. */
export function terminalOn(stream: NodeJS.WriteStream): Terminal {
  const interactive = stream.isTTY;
  let replaceable = false;
  const clear = (): string => {
    const prefix = replaceable ? CLEAR_LINE : "";
    replaceable = false;
    return prefix;
  };
  return {
    interactive,
    line: (text) => {
      stream.write(`${clear()}${text}\n`);
    },
    progress: (text) => {
      if (!interactive) return;
      stream.write(`${clear()}${text.slice(0, Math.max(20, stream.columns - 1))}`);
      replaceable = true;
    },
    style: (style, text) => styleText(style, text, { stream }),
  };
}

/** `0.9731` as `97.31 %`. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

/** A byte count with a unit: `1,964 bytes`, `246.8 kB`. */
export function bytes(count: number): string {
  if (count < 10_000) return `${Math.round(count).toLocaleString("en")} bytes`;
  if (count < 10_000_000) return `${(count / 1000).toFixed(1)} kB`;
  return `${(count / 1_000_000).toFixed(1)} MB`;
}

/** The first eight digits of a fingerprint, enough for people to compare. */
export function shortFingerprint(fingerprint: string): string {
  return fingerprint.slice(0, 8);
}

/** Rows of cells as lines, in columns; all but the last are set apart by two spaces. */
export function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    rows.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
