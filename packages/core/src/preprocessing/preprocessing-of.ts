import { image, numeric, type PlainPreprocessing, type Preprocessing } from "../preprocessing.ts";
import { type Check, type Fields, kinds, list, number } from "./description-check.ts";
import { pipelineFieldsOf } from "./pipeline-fields.ts";

const PLAIN: { readonly [K in PlainPreprocessing["kind"]]: Fields } = {
  image: { width: number, height: number, channels: number, mean: list(number), std: list(number) },
  numeric: { size: number, "mean?": list(number), "std?": list(number), "limit?": number },
};

// Pipelines have a check of their own; here their kind is only one of those that are known.
const checkPlain: Check = kinds({ ...PLAIN, pipeline: {} });

/**
 * The transform that JSON from outside describes, of any kind, with every field checked. Whether the
 * steps of a pipeline fit, {@link preprocessorOf} and {@link loadPreprocessor} find out.
 * @throws ShapeError that names what is wrong
 */
export function preprocessingOf(json: unknown): Preprocessing {
  if ((json as { readonly kind?: unknown } | null)?.kind === "pipeline") {
    return pipelineFieldsOf(json);
  }
  checkPlain(json, "preprocessing");
  const spec = json as PlainPreprocessing;
  if (spec.kind === "image") return image(spec);
  const { size, mean, std, limit } = spec;
  if (mean === undefined && std === undefined && limit === undefined) return numeric(size);
  return numeric(size, {
    mean: mean ?? [],
    std: std ?? [],
    ...(limit === undefined ? {} : { limit }),
  });
}
