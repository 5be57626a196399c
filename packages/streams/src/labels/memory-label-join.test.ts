import { eventJoinConformance } from "./event-join.conformance.ts";
import { labelJoinConformance } from "./label-join.conformance.ts";
import { memoryLabelJoin } from "./memory-label-join.ts";

labelJoinConformance("the memory label join", memoryLabelJoin);
eventJoinConformance("the memory label join", memoryLabelJoin);
