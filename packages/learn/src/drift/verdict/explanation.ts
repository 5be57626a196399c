import type { DriftPosition, DriftVerdict, MovedPart } from "@everfresh/core";
import type { MonitoredSignal } from "../monitor/monitored-signal.ts";

/** Parts of a signal that are named in a sentence. */
const NAMED = 2;

/** What an explanation is made of. */
export interface Explained {
  readonly verdict: DriftVerdict;
  /** The signals that it goes back to, the strongest first; empty where none says anything. */
  readonly signals: readonly MonitoredSignal[];
  /** Of all together, in samples; null without data. */
  readonly evidence: number | null;
  readonly since: DriftPosition | null;
}

/** One or two plain sentences: what moved, since when, and how seldom chance does that. */
export function explain({ verdict, signals, evidence, since }: Explained): string {
  const [first] = signals;
  if (evidence === null || first === undefined) return "Too few samples yet to say anything.";
  const seldom = `a stable stream shows as much once in about ${rounded(evidence)} samples`;
  if (verdict === "stable")
    return `No change is seen; the most that moves is ${first.name}, and ${seldom}.`;
  const what = signals.map((signal) => movement(signal)).join("; ");
  const at = since === null ? "" : `, since about sample ${since.sequence}${timeOf(since)}`;
  const word = verdict === "drift" ? "Drift" : "Warning";
  return `${word}: ${what}${at}. By chance ${seldom}.`;
}

function movement(signal: MonitoredSignal): string {
  const parts = signal.moved().slice(0, NAMED);
  const mean = signal.mean();
  if (mean === null) {
    return parts.length === 0
      ? `${signal.name} has moved`
      : `${signal.name}, most in ${listOf(parts, (value) => value.toFixed(2))}`;
  }
  const moved = `${signal.name} went from ${short(mean.before)} to ${short(mean.recent)}`;
  const signed = (value: number): string => `${value < 0 ? "−" : "+"}${short(Math.abs(value))}`;
  return parts.length === 0 ? moved : `${moved}, most in ${listOf(parts, signed)}`;
}

function listOf(parts: readonly MovedPart[], show: (value: number) => string): string {
  return parts.map(({ name, value }) => `${name} (${show(value)})`).join(" and ");
}

function short(value: number): string {
  return String(Number(value.toPrecision(2)));
}

/** Two digits that mean something, and commas. */
function rounded(value: number): string {
  const most = Math.min(value, 1e9);
  const digits = Number(most.toPrecision(2)).toLocaleString("en-US");
  return value > most ? `${digits} or more` : digits;
}

function timeOf({ eventTimeMs }: DriftPosition): string {
  // Places have only times that a calendar has.
  return eventTimeMs === null ? "" : ` (${new Date(eventTimeMs).toISOString()})`;
}
