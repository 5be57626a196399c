/**
 * Holds a page's replica and computes its predictions: over a WebSocket, in mode "patch", kept in
 * IndexedDB or not at all.
 */
import { openInThreadEngine } from "@everfresh/engine/in-thread";
import { isRuntimeThread, wasmBuild } from "@everfresh/engine/wasm-build";

import type { Line } from "./calls.ts";
import { indexedDbAt, webSocketAt } from "./places.ts";
import { serveReplica } from "./serve-replica.ts";

const scope = globalThis as unknown as Line & { readonly name: string };

if (!isRuntimeThread(scope.name)) {
  serveReplica(scope, {
    transportAt: webSocketAt,
    storeAt: indexedDbAt,
    async openEngine(setup) {
      const engine = await openInThreadEngine(wasmBuild, setup);
      return (...model) => engine.open(...model);
    },
  });
}
