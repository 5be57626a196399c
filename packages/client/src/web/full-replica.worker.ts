/**
 * Holds a page's replica, with all that is left out of the other worker because most pages do not need
 * it: plain HTTP, transports and stores of the page's own, and constant weights, which two more workers
 * take turns to compute with.
 */
import { openInThreadEngine } from "@everfresh/engine/in-thread";
import { isRuntimeThread, wasmBuild } from "@everfresh/engine/wasm-build";
import { openWasmInference } from "@everfresh/engine/wasm-workers";
import { httpTransport, type Transport } from "@everfresh/sync";

import type { Line } from "./calls.ts";
import { storeOfPage, transportOfPage } from "./page-services.ts";
import { indexedDbAt, webSocketAt } from "./places.ts";
import type { TransportPlace } from "./replica-protocol.ts";
import { serveReplica } from "./serve-replica.ts";

const scope = globalThis as unknown as Line & { readonly name: string };

if (!isRuntimeThread(scope.name)) {
  serveReplica(scope, {
    transportAt: (place) =>
      place.kind === "page" ? transportOfPage(place) : networkTransportAt(place),
    storeAt: (place) => (place.kind === "page" ? storeOfPage(place) : indexedDbAt(place)),
    async openEngine(setup) {
      const { mode, threads, wasmPaths } = setup;
      if (mode === "patch") {
        const engine = await openInThreadEngine(wasmBuild, setup);
        return (...model) => engine.open(...model);
      }
      const options = { mode, threads, ...(wasmPaths === null ? {} : { wasmPaths }) };
      return (onnx, initial, preprocessing) =>
        openWasmInference(onnx, initial, { ...options, preprocessing });
    },
  });
}

function networkTransportAt(place: Exclude<TransportPlace, { kind: "page" }>): Transport {
  if (place.kind === "webSocket") return webSocketAt(place);
  const { url, ...options } = place;
  return httpTransport(url, options);
}
