import type { DriftVerdict } from "./trigger.ts";
import type { TriggerRule } from "./trigger-rule.ts";
import type { ByDriftVerdictSpec } from "./trigger-spec.ts";

const SEVERITY: { readonly [K in DriftVerdict]: number } = { stable: 0, warning: 1, drift: 2 };
const NAMES: readonly DriftVerdict[] = ["stable", "warning", "drift"];

/** What became of a verdict that nobody need train because of. */
const OVER: ReadonlySet<string> = new Set(["withdrawn", "unsettled"]);

/**
 * Due from a verdict of `from` or worse on, until training begins; a later "stable", or that labels do
 * not confirm it, changes nothing.
 */
export function byDriftVerdict({ from }: ByDriftVerdictSpec): TriggerRule {
  let worst = 0;
  return {
    on: (event) => {
      const isVerdict = event.kind === "verdict" && !OVER.has(event.outcome ?? "");
      if (isVerdict) worst = Math.max(worst, SEVERITY[event.verdict]);
      if (event.kind === "began") worst = 0;
    },
    decide: () => ({
      isDue: worst >= SEVERITY[from],
      why: `the worst verdict since the last training is ${NAMES[worst] ?? "stable"}`,
    }),
    numbers: () => [worst],
    remember: ([stored = 0]) => {
      worst = stored;
    },
  };
}
