/** Where a record of a file begins. */
export interface RecordPlace {
  /** Of its first byte, in the file as it is when it is unpacked. */
  readonly offset: number;
  /** Of the file, from 1. */
  readonly line: number;
  /** Its number among the records, as its format counts them. */
  readonly number: number;
}

/** A record of a file, as it came. */
export interface FoundRecord extends RecordPlace {
  /** Without what ends it. */
  readonly bytes: Uint8Array;
  /** Whether the file ended before anything ended the record. */
  readonly isOpen: boolean;
}

/** What a {@link RecordFormat} has found. */
export interface RecordEnd {
  /** Where what ends the record begins, and where the next one does. */
  readonly end: number;
  readonly next: number;
  /** Lines that begin up to there. */
  readonly lines: number;
}

/** How records stand in a file. */
export interface RecordFormat {
  /**
   * Where the record that begins at `start` ends; null when that takes more bytes.
   * @param isLast whether no more will come: then it ends somewhere
   */
  readonly endOf: (bytes: Uint8Array, start: number, isLast: boolean) => RecordEnd | null;
  /** Whether empty lines count in the numbers of records. */
  readonly countsEmpty: boolean;
}

/** Longest record, in bytes: beyond it what ends it was lost. */
export const RECORD_BYTES_MAX: number = 1 << 20;

const LINE_END = 0x0a;
const RETURN = 0x0d;

/** Records of one line each, whose number is that of the line. */
export const LINES: RecordFormat = {
  endOf: lineEnd,
  countsEmpty: true,
};

/** The end of the line that a byte is in. */
export function lineEnd(bytes: Uint8Array, start: number, isLast: boolean): RecordEnd | null {
  const found = bytes.indexOf(LINE_END, start);
  if (found < 0) return isLast ? { end: bytes.length, next: bytes.length, lines: 0 } : null;
  return { end: found, next: found + 1, lines: 1 };
}

/**
 * The records of a file from a place on, without empty ones. One that is longer than any may be is given
 * by its first {@link RECORD_BYTES_MAX} bytes and a few, and goes on to the end of its line: so the
 * bytes in memory are a few chunks, whatever the file has.
 * @param wasCut asked once the chunks have ended: whether the file has lost its end
 */
export async function* splitRecords(
  chunks: AsyncIterable<Uint8Array>,
  format: RecordFormat,
  from: RecordPlace,
  wasCut: () => boolean,
): AsyncGenerator<FoundRecord, void, undefined> {
  let place = from;
  let bytes: Uint8Array = new Uint8Array(0);
  let isSkipping = false;
  const records = function* (isLast: boolean): Generator<FoundRecord, void, undefined> {
    let start = 0;
    while (start < bytes.length) {
      const isTooLong = bytes.length - start > RECORD_BYTES_MAX;
      // A record that its file breaks off is open to its end, whatever its lines look like.
      const isCut = isLast && wasCut();
      const found =
        (isSkipping ? lineEnd : format.endOf)(bytes, start, isTooLong || (isLast && !isCut)) ??
        (isLast ? { end: bytes.length, next: bytes.length, lines: 0 } : null);
      if (found === null) break;
      const isOpen = found.next === bytes.length && bytes[found.next - 1] !== LINE_END;
      const record = trimmed(bytes, start, found.end);
      const isEmpty = record.length === 0;
      if (!isSkipping && !isEmpty) yield { ...place, bytes: record, isOpen };
      const isDone = !(isOpen && isTooLong && !isLast);
      const isCounted = isDone && (!isEmpty || isSkipping || format.countsEmpty);
      place = {
        offset: place.offset + found.next - start,
        line: place.line + found.lines,
        number: place.number + (isCounted ? 1 : 0),
      };
      isSkipping = !isDone;
      start = found.next;
    }
    bytes = bytes.subarray(start);
  };
  for await (const chunk of chunks) {
    bytes = joined(bytes, chunk);
    if (place.offset === 0) {
      const mark = byteOrderMark(bytes);
      bytes = bytes.subarray(mark);
      place = { ...place, offset: mark };
    }
    yield* records(false);
  }
  yield* records(true);
}

function joined(before: Uint8Array, chunk: Uint8Array): Uint8Array {
  if (before.length === 0) return chunk;
  const bytes = new Uint8Array(before.length + chunk.length);
  bytes.set(before);
  bytes.set(chunk, before.length);
  return bytes;
}

function trimmed(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return bytes.subarray(start, end > start && bytes[end - 1] === RETURN ? end - 1 : end);
}

function byteOrderMark([first, second, third]: Uint8Array): number {
  return first === 0xef && second === 0xbb && third === 0xbf ? 3 : 0;
}
