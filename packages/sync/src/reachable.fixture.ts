import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** How many of the objects something still holds, once all others were collected. */
export async function reachable(objects: readonly WeakRef<object>[]): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  // What was made or looked at in one turn is held until its end; and what ended may hold more.
  for (let round = 0; round < 3; round++) {
    await turn();
    collect();
  }
  await turn();
  return objects.filter((object) => object.deref() !== undefined).length;
}
