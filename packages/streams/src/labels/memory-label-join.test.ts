import { labelJoinConformance } from "./label-join.conformance.ts";
import { memoryLabelJoin } from "./memory-label-join.ts";

labelJoinConformance("the memory label join", memoryLabelJoin);
