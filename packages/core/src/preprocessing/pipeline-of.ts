import type { Pipeline } from "./pipeline.ts";
import { pipelineFieldsOf } from "./pipeline-fields.ts";
import { preprocessorOf } from "./preprocessor-of.ts";

/**
 * The pipeline that JSON from outside describes, with every field checked and its steps known to fit.
 * @throws ShapeError that names the first field that is wrong
 */
export function pipelineOf(json: unknown): Pipeline {
  const spec = pipelineFieldsOf(json);
  preprocessorOf(spec);
  return spec;
}
