import type { Clock } from "@everfresh/core";
import { ResumeMismatchError } from "../errors.ts";
import { byCost } from "./by-cost.ts";
import { byCount, staticSchedule } from "./by-count.ts";
import { byDriftVerdict } from "./by-drift-verdict.ts";
import { byPerformanceDrop } from "./by-performance-drop.ts";
import { byTime } from "./by-time.ts";
import { dynamicSchedule } from "./dynamic-schedule.ts";
import type { Trigger, TriggerCheckpoint, TriggerDecision, TriggerEvent } from "./trigger.ts";
import type { TriggerRule } from "./trigger-rule.ts";
import { checkTriggerSpec, type TriggerSpec } from "./trigger-spec.ts";

type CombinationKind = "any" | "all" | "atLeast";
type RuleSpec = Exclude<TriggerSpec, { kind: CombinationKind }>;

const RULES: {
  readonly [K in RuleSpec["kind"]]: (spec: Extract<RuleSpec, { kind: K }>) => TriggerRule;
} = {
  byCount,
  byTime,
  byPerformanceDrop,
  byCost,
  byDriftVerdict,
  staticSchedule,
  dynamicSchedule,
};

/**
 * The trigger that a specification describes.
 * @param clock what its times go by, in milliseconds since the Unix epoch; a clock that is set back
 *   stands still for the trigger
 * @throws LearnOptionError for a number that is out of its range
 */
export function triggerOf(spec: TriggerSpec, clock: Pick<Clock, "nowMs">): Trigger {
  checkTriggerSpec(spec);
  const root = nodeOf(spec);
  let nowMs = -Infinity;
  return {
    on: (event) => {
      nowMs = Math.max(nowMs, clock.nowMs());
      root.on(event, nowMs);
      return root.decide(nowMs);
    },
    checkpoint: () => ({
      kind: "trigger",
      numbers: nowMs === -Infinity ? [] : [nowMs],
      of: [root.checkpoint()],
    }),
    restore: (checkpoint) => {
      checkKind("trigger", checkpoint.kind);
      const [stored] = checkpoint.of ?? [];
      if (stored !== undefined) root.restore(stored);
      nowMs = checkpoint.numbers[0] ?? -Infinity;
    },
  };
}

/** A rule, or a combination of others. */
interface Node {
  on(event: TriggerEvent, nowMs: number): void;
  decide(nowMs: number): TriggerDecision;
  checkpoint(): TriggerCheckpoint;
  restore(checkpoint: TriggerCheckpoint): void;
}

function nodeOf(spec: TriggerSpec): Node {
  if (spec.kind === "any") return combination(spec.kind, 1, spec.of);
  if (spec.kind === "all") return combination(spec.kind, spec.of.length, spec.of);
  if (spec.kind === "atLeast") return combination(spec.kind, spec.count, spec.of);
  const make = RULES[spec.kind] as (spec: RuleSpec) => TriggerRule;
  return leaf(spec.kind, make(spec));
}

function leaf(kind: string, rule: TriggerRule): Node {
  return {
    on: (event, nowMs) => rule.on(event, nowMs),
    decide: (nowMs) => rule.decide(nowMs),
    checkpoint: () => ({ kind, numbers: rule.numbers() }),
    restore: (checkpoint) => {
      checkKind(kind, checkpoint.kind);
      rule.remember(checkpoint.numbers);
    },
  };
}

/** Due when at least `count` of the triggers are at once. */
function combination(kind: CombinationKind, count: number, specs: readonly TriggerSpec[]): Node {
  const nodes = specs.map(nodeOf);
  return {
    on: (event, nowMs) => {
      for (const node of nodes) node.on(event, nowMs);
    },
    decide: (nowMs) => {
      const decisions = nodes.map((node) => node.decide(nowMs));
      const due = decisions.filter(({ isDue }) => isDue);
      const isDue = due.length >= count;
      const reasons = (isDue ? due : decisions.filter((each) => !each.isDue)).map(({ why }) => why);
      return {
        isDue,
        why: `${due.length} of ${nodes.length} are due, ${count} needed: ${reasons.join("; ")}`,
      };
    },
    checkpoint: () => ({ kind, numbers: [], of: nodes.map((node) => node.checkpoint()) }),
    restore: (checkpoint) => {
      checkKind(kind, checkpoint.kind);
      const stored = checkpoint.of ?? [];
      if (stored.length !== nodes.length) {
        const what = `the number of triggers in "${kind}"`;
        throw new ResumeMismatchError(what, stored.length, nodes.length);
      }
      nodes.forEach((node, i) => {
        const part = stored[i];
        if (part !== undefined) node.restore(part);
      });
    },
  };
}

function checkKind(actual: string, expected: string): void {
  if (actual !== expected) throw new ResumeMismatchError("the kind of trigger", expected, actual);
}
