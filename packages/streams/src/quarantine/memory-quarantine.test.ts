import { memoryQuarantine } from "./memory-quarantine.ts";
import { quarantineConformance } from "./quarantine.conformance.ts";

quarantineConformance("memory", memoryQuarantine);
