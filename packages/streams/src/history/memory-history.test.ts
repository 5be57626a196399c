import { historyConformance } from "./history.conformance.ts";
import { memoryHistory } from "./memory-history.ts";

historyConformance("the memory history", memoryHistory);
