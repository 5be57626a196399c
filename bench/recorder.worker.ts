/** Records updates in a process of its own, which leaves nothing behind in those that are measured. */
import { benchParent } from "./bench-process.ts";
import { recordUpdates } from "./recorded-updates.ts";
import type { FromRecorder, ToRecorder } from "./start-recorder.ts";

const parent = benchParent<FromRecorder, ToRecorder>();
const { count, ratio } = await parent.next();
parent.send({ updates: await recordUpdates(count, ratio) });
await parent.next();
