import type { Preprocessing } from "../preprocessing.ts";
import type { StateLayout } from "../state.ts";
import { plainPreprocessor } from "./plain-preprocessor.ts";
import type { Preprocessor } from "./preprocessor.ts";

/**
 * {@link preprocessorOf} for a description from outside: every field of a pipeline is checked, and
 * that the layout has its statistics. The code for pipelines is only loaded where there is one: most
 * pages have none.
 * @throws ShapeError for what is wrong with a pipeline
 */
export async function loadPreprocessor(
  spec: Preprocessing,
  layout: StateLayout,
): Promise<Preprocessor> {
  if (spec.kind !== "pipeline") return plainPreprocessor(spec);
  const { describedPreprocessor } = await import("./pipeline-preprocessor.ts");
  return describedPreprocessor(spec, layout);
}
