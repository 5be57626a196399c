import { type Preprocessing, type Preprocessor, preprocessorOf } from "@everfresh/core";

/** A transform, or the description of one, ready for use. */
export function prepared(preprocessing: Preprocessing | Preprocessor): Preprocessor {
  return "transform" in preprocessing ? preprocessing : preprocessorOf(preprocessing);
}
