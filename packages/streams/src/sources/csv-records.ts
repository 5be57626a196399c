import { lineEnd, type RecordEnd, type RecordFormat } from "./split-records.ts";

const LINE_END = 0x0a;
const RETURN = 0x0d;
const QUOTE = 0x22;

/**
 * Rows of a table as text (RFC 4180): values in quotes may have line breaks. A row whose quotes are not
 * as they must be is its first line only, so that one of them does not take the rows behind it along.
 */
export function csvRecords(delimiter: string): RecordFormat {
  const between = new TextEncoder().encode(delimiter);
  let nextQuote = { bytes: new Uint8Array(0) as Uint8Array, at: -1 };
  /** The first quote from `start` on; bytes without one are looked through once. */
  const quoteFrom = (bytes: Uint8Array, start: number): number => {
    if (nextQuote.bytes === bytes && (nextQuote.at < 0 || nextQuote.at >= start)) {
      return nextQuote.at;
    }
    nextQuote = { bytes, at: bytes.indexOf(QUOTE, start) };
    return nextQuote.at;
  };
  return {
    countsEmpty: false,
    endOf: (bytes, start, isLast) => {
      const line = lineEnd(bytes, start, isLast);
      const quote = quoteFrom(bytes, start);
      if (line !== null && (quote < 0 || quote >= line.end)) return line;
      const end = quotedEnd(bytes, start, between, isLast);
      if (end === "more") return isLast ? line : null;
      return end === "broken" ? line : end;
    },
  };
}

/** The end of a row that has quotes; "broken" when they are not as they must be. */
function quotedEnd(
  bytes: Uint8Array,
  start: number,
  delimiter: Uint8Array,
  isLast: boolean,
): RecordEnd | "more" | "broken" {
  let lines = 1;
  for (let at = start; ;) {
    if (bytes[at] === QUOTE) {
      const closed = closingQuote(bytes, at + 1);
      if (closed < 0) return "more";
      lines += lineEndsIn(bytes, at, closed);
      at = closed + 1;
      if (at >= bytes.length) return isLast ? { end: at, next: at, lines: lines - 1 } : "more";
    } else {
      while (at < bytes.length && bytes[at] !== LINE_END && !startsWith(bytes, at, delimiter)) {
        // Text between a quote's end and the delimiter, or a quote within plain text.
        if (bytes[at] === QUOTE) return "broken";
        at++;
      }
      if (at >= bytes.length) return isLast ? { end: at, next: at, lines: lines - 1 } : "more";
    }
    if (bytes[at] === RETURN && bytes[at + 1] === LINE_END) at++;
    if (bytes[at] === LINE_END) return { end: at, next: at + 1, lines };
    if (!startsWith(bytes, at, delimiter)) {
      // The rest of a delimiter, or of a line's end, may be on its way.
      return !isLast && bytes.length - at < delimiter.length + 1 ? "more" : "broken";
    }
    at += delimiter.length;
  }
}

/** Where the quote is that ends a value which begins at `from`; −1 when it is not there yet. */
function closingQuote(bytes: Uint8Array, from: number): number {
  for (let at = from; ; at += 2) {
    at = bytes.indexOf(QUOTE, at);
    if (at < 0 || bytes[at + 1] !== QUOTE) return at;
  }
}

function lineEndsIn(bytes: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_END, from); at >= 0 && at < to; count++) {
    at = bytes.indexOf(LINE_END, at + 1);
  }
  return count;
}

function startsWith(bytes: Uint8Array, at: number, part: Uint8Array): boolean {
  return part.every((byte, i) => bytes[at + i] === byte);
}

/** The values of one row; null when its quotes are not as they must be. */
export function csvValues(text: string, delimiter: string): readonly string[] | null {
  if (!text.includes('"')) return text.split(delimiter);
  const values: string[] = [];
  for (let at = 0; ;) {
    if (text[at] === '"') {
      const quoted = quotedValue(text, at + 1);
      if (quoted === null) return null;
      values.push(quoted.value);
      at = quoted.next;
    } else {
      const end = text.indexOf(delimiter, at);
      const value = text.slice(at, end < 0 ? text.length : end);
      if (value.includes('"')) return null;
      values.push(value);
      at += value.length;
    }
    if (at === text.length) return values;
    if (!text.startsWith(delimiter, at)) return null;
    at += delimiter.length;
  }
}

function quotedValue(
  text: string,
  from: number,
): { readonly value: string; readonly next: number } | null {
  let value = "";
  for (let at = from; ;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return null;
    value += text.slice(at, quote);
    if (text[quote + 1] !== '"') return { value, next: quote + 1 };
    value += '"';
    at = quote + 2;
  }
}
