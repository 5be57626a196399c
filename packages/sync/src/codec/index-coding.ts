/**
 * How the positions of one section's entries travel: ascending whole numbers below the section's
 * length. Position i comes as gap_i = position_i − position_(i−1) − 1, gap_0 = position_0.
 *
 * Two well-known codings are missing because Rice codes are never longer: Elias-Fano with l low bits
 * takes k·(l + 1) + (length >> l) bits or more, Rice with p = l no more than that, since the gaps'
 * quotients sum up to at most length >> l; and a bitmap is Rice with p = 0 without its last zeros.
 */
import type { BitReader } from "./bit-reader.ts";
import type { BitWriter } from "./bit-writer.ts";
import type { Failure } from "./byte-reader.ts";
import {
  bestExpGolomb,
  bestGolomb,
  bestRice,
  type CodeChoice,
  type GapStatistics,
  readExpGolomb,
  readGolomb,
  readGolombDivisor,
  readRice,
  readVarint,
  statisticsOf,
  varintBits,
  writeExpGolomb,
  writeGolomb,
  writeRice,
  writeVarint,
} from "./gap-codes.ts";

/** The entries of one section. */
export interface SectionEntries {
  /** Positions in the section, ascending; at least one. */
  readonly positions: Uint32Array;
  /** The gaps before them. */
  readonly gaps: Uint32Array;
  /** Of the gaps; of a section that is all entries they are not looked at. */
  readonly statistics: GapStatistics;
  /** Parameters of the section. */
  readonly length: number;
}

/** A way to write the entries of a section, with what it takes. */
export interface IndexPlan {
  /** Its code in the section's head. */
  readonly code: number;
  /** 0 to 31, beside the code in the head. */
  readonly parameter: number;
  readonly bits: number;
  write(writer: BitWriter): void;
}

/** What a reader knows about a section before its positions. */
export interface SectionHead {
  readonly parameter: number;
  readonly length: number;
}

type IndexCoding = "rice" | "golomb" | "expGolomb" | "varint" | "runs" | "absent";

/** Codes of the codings in a section's head. */
const CODES: { readonly [C in IndexCoding]: number } = {
  rice: 0,
  golomb: 1,
  expGolomb: 2,
  varint: 3,
  runs: 4,
  absent: 5,
};

/** The best plan with a coding, or null when it cannot take fewer than `limit` bits. */
type MakePlan = (entries: SectionEntries, limit: number) => Omit<IndexPlan, "code"> | null;

// What writes and what reads stand in two tables, so that replicas can be bundled without writers.
const PLANS: { readonly [C in IndexCoding]: MakePlan } = {
  rice: ({ gaps, statistics }) => {
    const choice = bestRice(statistics, gaps.length);
    return { ...choice, write: (writer) => writeRice(writer, gaps, choice.parameter) };
  },
  // The divisor's width is the parameter; its lower bits come first.
  golomb: ({ gaps, statistics }) => {
    const choice = bestGolomb(gaps, statistics[0] ?? 0);
    return choice && { ...choice, write: (writer) => writeGolomb(writer, gaps, choice) };
  },
  expGolomb: ({ gaps, statistics }, limit) => {
    const choice = bestExpGolomb(gaps, statistics, limit);
    return (
      choice && {
        ...choice,
        write: (writer) => {
          for (const gap of gaps) writeExpGolomb(writer, gap, choice.parameter);
        },
      }
    );
  },
  varint: ({ gaps, statistics }) => ({
    parameter: 0,
    bits: varintBits(statistics),
    write: (writer) => {
      for (const gap of gaps) writeVarint(writer, gap);
    },
  }),
  // The gap before each run of neighbours and the run's length − 1, both as Exp-Golomb codes; the
  // second parameter comes first.
  runs: ({ gaps }) => planRuns(gaps),
  // Rice codes of the positions without an entry: best for most of a section, nothing for all of it.
  absent: ({ positions, length }) => planAbsent(positions, length),
};

/** Reads positions into all of `target`, which is not empty. */
type ReadPositions = (
  reader: BitReader,
  fail: Failure,
  head: SectionHead,
  target: Uint32Array,
) => void;

const READERS: { readonly [C in IndexCoding]: ReadPositions } = {
  rice: (reader, fail, { parameter, length }, target) => {
    readGaps(fail, length, target, () => readRice(reader, parameter, length));
  },
  golomb: (reader, fail, { parameter, length }, target) => {
    if (parameter < 2) throw fail(`Golomb width ${parameter} is below 2`);
    const divisor = readGolombDivisor(reader, parameter);
    readGaps(fail, length, target, () => readGolomb(reader, parameter, divisor, length));
  },
  expGolomb: (reader, fail, { parameter, length }, target) => {
    readGaps(fail, length, target, () => readExpGolomb(reader, parameter));
  },
  varint: (reader, fail, { parameter, length }, target) => {
    if (parameter !== 0) throw fail(`varint gaps have parameter ${parameter}`);
    readGaps(fail, length, target, () => {
      const gap = readVarint(reader);
      if (gap < 0) throw fail("an index gap is longer than it needs to be");
      return gap;
    });
  },
  runs: readRuns,
  absent: readAbsent,
};

const CODING_NAMES = [
  "rice",
  "golomb",
  "expGolomb",
  "varint",
  "runs",
  "absent",
] as const satisfies readonly IndexCoding[];

/** The plan that takes the fewest bits, the first of equals. */
export function smallestPlan(entries: SectionEntries): IndexPlan {
  const { positions, length } = entries;
  const isDense = positions.length === length;
  let best: IndexPlan | null = null;
  for (const name of isDense ? (["absent"] as const) : CODING_NAMES) {
    const plan = PLANS[name](entries, best?.bits ?? Infinity);
    if (plan !== null && (best === null || plan.bits < best.bits)) {
      best = { code: CODES[name], ...plan };
    }
  }
  if (best === null) throw new Error("internal: Rice codes hold any positions");
  return best;
}

/**
 * Reads the positions of a section into all of `target`: ascending, below the section's length.
 * Throws what `fail` makes.
 */
export function readPositions(
  reader: BitReader,
  fail: Failure,
  head: SectionHead & { readonly code: number },
  target: Uint32Array,
): void {
  const name = CODING_NAMES.find((candidate) => CODES[candidate] === head.code);
  if (name === undefined) throw fail(`index coding ${head.code} is unknown`);
  READERS[name](reader, fail, head, target);
}

function readGaps(fail: Failure, length: number, target: Uint32Array, next: () => number): void {
  let position = -1;
  for (let i = 0; i < target.length; i++) {
    position += next() + 1;
    if (position >= length) throw beyond(fail, position, length);
    target[i] = position;
  }
}

function planRuns(gaps: Uint32Array): Omit<IndexPlan, "code"> | null {
  let runs = 1;
  for (let i = 1; i < gaps.length; i++) if (gaps[i] !== 0) runs++;
  // Where few entries have neighbours, the lengths of the runs cost more than they save.
  if (runs * 8 > gaps.length * 7) return null;
  const before = new Uint32Array(runs);
  const longer = new Uint32Array(runs);
  let at = 0;
  before[0] = gaps[0] ?? 0;
  for (let i = 1; i < gaps.length; i++) {
    const gap = gaps[i] ?? 0;
    if (gap === 0) longer[at] = (longer[at] ?? 0) + 1;
    else {
      at++;
      before[at] = gap - 1;
    }
  }
  const beforeCode = bestExpGolomb(before, statisticsOf(before), Infinity);
  const longerCode = bestExpGolomb(longer, statisticsOf(longer), Infinity);
  if (beforeCode === null || longerCode === null) return null;
  return {
    parameter: beforeCode.parameter,
    bits: 5 + beforeCode.bits + longerCode.bits,
    write: (writer) => {
      writer.bits(longerCode.parameter, 5);
      for (let i = 0; i < runs; i++) {
        writeExpGolomb(writer, before[i] ?? 0, beforeCode.parameter);
        writeExpGolomb(writer, longer[i] ?? 0, longerCode.parameter);
      }
    },
  };
}

function readRuns(
  reader: BitReader,
  fail: Failure,
  { parameter, length }: SectionHead,
  target: Uint32Array,
): void {
  const longerParameter = reader.bits(5);
  let position = -1;
  for (let i = 0; i < target.length;) {
    position += readExpGolomb(reader, parameter) + (i === 0 ? 1 : 2);
    const run = readExpGolomb(reader, longerParameter) + 1;
    if (run > target.length - i) throw fail(`a run of ${run} where ${target.length - i} are left`);
    if (position + run > length) throw beyond(fail, position + run - 1, length);
    for (const end = i + run; i < end; i++) target[i] = position++;
    position--;
  }
}

function planAbsent(positions: Uint32Array, length: number): Omit<IndexPlan, "code"> | null {
  if (positions.length * 2 <= length) return null;
  const gaps = new Uint32Array(length - positions.length);
  let found = 0;
  let previous = -1;
  let expected = 0;
  const absentUpTo = (end: number): void => {
    for (; expected < end; expected++) {
      gaps[found++] = expected - previous - 1;
      previous = expected;
    }
    expected = end + 1;
  };
  for (let i = 0; i < positions.length && found < gaps.length; i++) absentUpTo(positions[i] ?? 0);
  if (found < gaps.length) absentUpTo(length);
  const choice: CodeChoice =
    gaps.length === 0 ? { parameter: 0, bits: 0 } : bestRice(statisticsOf(gaps), gaps.length);
  return { ...choice, write: (writer) => writeRice(writer, gaps, choice.parameter) };
}

function readAbsent(
  reader: BitReader,
  fail: Failure,
  { parameter, length }: SectionHead,
  target: Uint32Array,
): void {
  if (target.length > length) throw beyond(fail, target.length - 1, length);
  // Also bounds the work by the entries, whatever the length of the section is.
  if (target.length * 2 <= length) throw fail(`absent positions for ${target.length} of ${length}`);
  let at = 0;
  let position = 0;
  for (let absent = length - target.length; absent > 0; absent--) {
    const next = position + readRice(reader, parameter, length);
    if (next >= length) throw beyond(fail, next, length);
    while (position < next) target[at++] = position++;
    position++;
  }
  while (at < target.length) target[at++] = position++;
}

function beyond(fail: Failure, position: number, length: number): Error {
  return fail(`position ${position} is not below ${length}`);
}
