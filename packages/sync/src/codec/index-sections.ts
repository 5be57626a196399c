/**
 * Indices of an update, split into sections: runs of whole parameter tensors, each with the coding
 * that suits it. Layers differ in how densely they change, so that one coding for all costs more
 * than a few heads.
 *
 *   sections − 1 │ per section: coding, parameter, tensors skipped, tensors − 1, entries − 1 │ positions
 */
import { type EntryRun, entryRuns, type StateLayout } from "@everfresh/core";

import type { BitReader } from "./bit-reader.ts";
import type { BitWriter } from "./bit-writer.ts";
import type { Failure } from "./byte-reader.ts";
import {
  bestRice,
  countGap,
  expGolombBits,
  type GapStatistics,
  noGaps,
  readExpGolomb,
  writeExpGolomb,
} from "./gap-codes.ts";
import { type IndexPlan, readPositions, smallestPlan } from "./index-coding.ts";

/** Bits of a coding and of its parameter in the head of a section. */
const CODING_BITS = 3;
const PARAMETER_BITS = 5;

/** Exp-Golomb parameter of the number of entries of a section. */
const ENTRIES_PARAMETER = 5;

/** Consecutive tensors `first` to `last` with the entries `from` to `to` − 1. */
interface Section {
  readonly first: number;
  readonly last: number;
  readonly from: number;
  readonly to: number;
}

interface MeasuredSection extends Section {
  /** Of the gaps before the entries, the first from the section's start. */
  readonly statistics: GapStatistics;
  /** About how many bits it takes: with Rice codes, which others improve on by little. */
  readonly bits: number;
}

/** Writes ascending indices below the layout's number of parameters; at least one. */
export function writeIndices(writer: BitWriter, layout: StateLayout, indices: Uint32Array): void {
  const sections = sectionsFor(layout, indices);
  writeExpGolomb(writer, sections.length - 1, 0);
  let next = 0;
  for (const [at, section] of sections.entries()) {
    const plan = planOf(layout, indices, section);
    writer.bits(plan.code, CODING_BITS);
    writer.bits(plan.parameter, PARAMETER_BITS);
    writeExpGolomb(writer, section.first - next, 0);
    writeExpGolomb(writer, section.last - section.first, 0);
    // The last section has what is left.
    if (at < sections.length - 1) {
      writeExpGolomb(writer, section.to - section.from - 1, ENTRIES_PARAMETER);
    }
    plan.write(writer);
    next = section.last + 1;
  }
}

/**
 * Reads `count` (≥ 1) ascending indices below the layout's number of parameters; the caller has
 * bounded `count` by the bytes that are there. Throws what `fail` makes.
 */
export function readIndices(
  reader: BitReader,
  fail: Failure,
  layout: StateLayout,
  count: number,
): Uint32Array {
  const sections = readExpGolomb(reader, 0) + 1;
  if (sections > count) throw fail(`${sections} sections for ${count} entries`);
  const indices = new Uint32Array(count);
  let done = 0;
  let next = 0;
  for (let left = sections; left > 0; left--) {
    const code = reader.bits(CODING_BITS);
    const parameter = reader.bits(PARAMETER_BITS);
    const first = next + readExpGolomb(reader, 0);
    const last = first + readExpGolomb(reader, 0);
    const start = parameterAt(layout, first, fail);
    const end = parameterAt(layout, last, fail);
    const entries = left === 1 ? count - done : readExpGolomb(reader, ENTRIES_PARAMETER) + 1;
    if (entries > count - done - (left - 1)) throw fail(`${entries} entries in a section`);
    const target = indices.subarray(done, done + entries);
    const length = end.wordOffset + end.length - start.wordOffset;
    readPositions(reader, fail, { code, parameter, length }, target);
    const isTight =
      (target[0] ?? 0) < start.length &&
      (target[entries - 1] ?? 0) >= end.wordOffset - start.wordOffset;
    if (!isTight) throw fail(`section ${first} to ${last} is wider than its entries`);
    for (let i = 0; i < entries; i++) target[i] = (target[i] ?? 0) + start.wordOffset;
    done += entries;
    next = last + 1;
  }
  return indices;
}

function parameterAt(
  layout: StateLayout,
  tensor: number,
  fail: Failure,
): StateLayout["tensors"][number] {
  const entry = layout.tensors[tensor];
  if (entry?.role !== "parameter") throw fail(`tensor ${tensor} is not a parameter`);
  return entry;
}

/**
 * From left to right, a tensor's entries join the section before when that saves bits; but one
 * section for all is taken when it needs no more.
 */
function sectionsFor(layout: StateLayout, indices: Uint32Array): readonly MeasuredSection[] {
  const runs = entryRuns(layout, indices).map((run) => measured(layout, indices, run));
  const sections: MeasuredSection[] = [];
  for (const run of runs) {
    let top = run;
    for (let before = sections.pop(); before !== undefined; before = sections.pop()) {
      const joined = joinOf(layout, indices, before, top);
      if (joined.bits > before.bits + top.bits) {
        sections.push(before);
        break;
      }
      top = joined;
    }
    sections.push(top);
  }
  if (sections.length === 1) return sections;
  const whole = sections.reduce((before, section) => joinOf(layout, indices, before, section));
  const bits = sections.reduce((sum, section) => sum + section.bits, 0);
  return whole.bits <= bits ? [whole] : sections;
}

function measured(
  layout: StateLayout,
  indices: Uint32Array,
  { tensor, from, to }: EntryRun,
): MeasuredSection {
  const isDense = to - from === layout.tensors[tensor]?.length;
  const statistics = noGaps(isDense ? to - from : 0);
  if (!isDense) {
    let previous = startOf(layout, tensor) - 1;
    for (let i = from; i < to; i++) {
      const index = indices[i] ?? 0;
      countGap(statistics, index - previous - 1, 1);
      previous = index;
    }
  }
  return withBits(layout, { first: tensor, last: tensor, from, to }, statistics);
}

/** Two neighbours as one section: only the gap between them changes. */
function joinOf(
  layout: StateLayout,
  indices: Uint32Array,
  a: MeasuredSection,
  b: MeasuredSection,
): MeasuredSection {
  const statistics = a.statistics.slice();
  for (let i = 0; i < statistics.length; i++) {
    statistics[i] = (statistics[i] ?? 0) + (b.statistics[i] ?? 0);
  }
  const index = indices[b.from] ?? 0;
  countGap(statistics, index - startOf(layout, b.first), -1);
  countGap(statistics, index - (indices[b.from - 1] ?? 0) - 1, 1);
  return withBits(layout, { first: a.first, last: b.last, from: a.from, to: b.to }, statistics);
}

function withBits(
  layout: StateLayout,
  section: Section,
  statistics: GapStatistics,
): MeasuredSection {
  const entries = section.to - section.from;
  const isDense = entries === lengthOf(layout, section);
  const positions = isDense ? 0 : bestRice(statistics, entries).bits;
  // As if no tensor were skipped before it, and another section came after it.
  const head =
    CODING_BITS +
    PARAMETER_BITS +
    expGolombBits(0, 0) +
    expGolombBits(section.last - section.first, 0) +
    expGolombBits(entries - 1, ENTRIES_PARAMETER);
  return { ...section, statistics, bits: head + positions };
}

function planOf(layout: StateLayout, indices: Uint32Array, section: MeasuredSection): IndexPlan {
  const { from, to, first, statistics } = section;
  const start = startOf(layout, first);
  const positions = indices.slice(from, to);
  const gaps = new Uint32Array(to - from);
  let previous = -1;
  for (let i = 0; i < gaps.length; i++) {
    const position = (positions[i] ?? 0) - start;
    positions[i] = position;
    gaps[i] = position - previous - 1;
    previous = position;
  }
  return smallestPlan({ positions, gaps, statistics, length: lengthOf(layout, section) });
}

function startOf(layout: StateLayout, tensor: number): number {
  return layout.tensors[tensor]?.wordOffset ?? 0;
}

function lengthOf(layout: StateLayout, { first, last }: Section): number {
  const end = layout.tensors[last];
  return end === undefined ? 0 : end.wordOffset + end.length - startOf(layout, first);
}
