/** What the web entry adds to a page, without ONNX Runtime. */
import path from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { CONDITIONS, refuseNode } from "./site.ts";

const ENGINE = path.resolve(import.meta.dirname, "../../../packages/engine");
const RUNTIME = /^onnxruntime-web/;

/** Bytes of the minified and compressed code: all that is exported, and the worker. */
export async function bundleSize(): Promise<{ readonly page: number; readonly worker: number }> {
  const result = await build({
    configFile: false,
    root: ENGINE,
    logLevel: "error",
    plugins: [refuseNode()],
    resolve: { conditions: [...CONDITIONS] },
    worker: {
      format: "es",
      plugins: () => [refuseNode()],
      rolldownOptions: { external: RUNTIME },
    },
    build: {
      write: false,
      target: "es2023",
      rolldownOptions: {
        input: path.join(ENGINE, "src/web/index.ts"),
        external: RUNTIME,
        preserveEntrySignatures: "strict",
      },
    },
  });
  if (Array.isArray(result) || !("output" in result)) throw new Error("one build gives one result");
  const sizeOf = (pattern: RegExp): number => {
    const file = result.output.find(({ fileName }) => pattern.test(fileName));
    if (file === undefined) throw new Error(`${pattern} is not among what was built`);
    return gzipSync(file.type === "chunk" ? file.code : file.source).length;
  };
  return { page: sizeOf(/index-.*\.js$/), worker: sizeOf(/engine\.worker-.*\.js$/) };
}
