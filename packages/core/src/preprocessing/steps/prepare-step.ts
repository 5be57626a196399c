import type { NumbersShape } from "../channels.ts";
import type { Step } from "../pipeline.ts";
import { impute } from "./impute.ts";
import { minMax } from "./min-max.ts";
import { resize } from "./resize.ts";
import { clip, scale } from "./scale.ts";
import { standardise } from "./standardise.ts";
import type { PreparedStep } from "./step.ts";

type Rules = {
  readonly [K in Step["kind"]]: (
    step: Extract<Step, { kind: K }>,
    input: NumbersShape,
  ) => PreparedStep;
};

const RULES: Rules = { standardise, minMax, impute, scale, clip, resize };

/**
 * A step for what it will get.
 * @throws ShapeError for one that cannot take that, or whose numbers cannot be
 */
export function prepareStep(step: Step, input: NumbersShape): PreparedStep {
  const rule = RULES[step.kind] as (step: Step, input: NumbersShape) => PreparedStep;
  return rule(step, input);
}
