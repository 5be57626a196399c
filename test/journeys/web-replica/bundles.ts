/** What bundlers make of the client, without ONNX Runtime. */
import path from "node:path";
import { gzipSync } from "node:zlib";
import { build, type Rolldown } from "vite";
import { CONDITIONS, refuseNode } from "../web-training/site.ts";

const RUNTIME = /^onnxruntime-web/;

/** A page that connects, and the workers of which it loads one. */
export interface PageBundle {
  readonly page: string;
  readonly worker: string;
  readonly fullWorker: string;
}

/** The least that a page needs. */
const SMALLEST_PAGE = `
  import { connect } from "@everfresh/client";
  Object.assign(globalThis, { connect });
`;

/** Bundles the smallest page, minified. */
export async function bundlePage(): Promise<PageBundle> {
  const output = await bundle("smallest-page", CONDITIONS, "es");
  const codeOf = (pattern: RegExp): string => {
    const file = output.find(({ fileName }) => pattern.test(fileName));
    if (file === undefined) throw new Error(`${pattern} is not among what was built`);
    return file.type === "chunk" ? file.code : String(file.source);
  };
  return {
    page: codeOf(/smallest-page-.*\.js$/),
    worker: codeOf(/\/replica\.worker-.*\.js$/),
    fullWorker: codeOf(/full-replica\.worker-.*\.js$/),
  };
}

/** Bundles the edge service into one script, as an edge runtime would find the client. */
export async function bundleEdgeService(): Promise<string> {
  const conditions = ["source", "workerd", "worker", "module", "production"];
  const [script, ...more] = await bundle(
    path.join(import.meta.dirname, "edge-service.ts"),
    conditions,
    "iife",
  );
  if (more.length > 0) throw new Error("one script was expected");
  return script.code;
}

/** Bytes of minified code as servers send it. */
export function compressedBytes(code: string): number {
  return gzipSync(code).length;
}

async function bundle(
  entry: string,
  conditions: readonly string[],
  format: "es" | "iife",
): Promise<Rolldown.RolldownOutput["output"]> {
  const result = await build({
    configFile: false,
    root: import.meta.dirname,
    logLevel: "error",
    plugins: [
      refuseNode(),
      {
        name: "smallest-page",
        resolveId: (id) => (id === "smallest-page" ? id : null),
        load: (id) => (id === "smallest-page" ? SMALLEST_PAGE : null),
      },
    ],
    resolve: { conditions: [...conditions] },
    worker: {
      format: "es",
      plugins: () => [refuseNode()],
      rolldownOptions: { external: RUNTIME },
    },
    build: {
      write: false,
      target: "es2023",
      modulePreload: { polyfill: false },
      rolldownOptions: {
        input: entry,
        external: RUNTIME,
        output: { format },
      },
    },
  });
  if (Array.isArray(result) || !("output" in result)) throw new Error("one build gives one result");
  return result.output;
}
