/** Builds the page as a user would, and serves it on the loopback interface. */
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { build, defaultClientConditions, type Plugin } from "vite";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
};

/** Headers by the folder that an address begins with. */
export type HeadersBelow = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** What makes a browser give a page memory that threads share. */
const ISOLATION: HeadersBelow = {
  isolated: {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
  },
};

/** Where sources find each other, and browsers what is meant for them. */
export const CONDITIONS: readonly string[] = ["source", ...defaultClientConditions];

/** Refuses what no browser has, instead of replacing it by nothing as bundlers do. */
export function refuseNode(): Plugin {
  return {
    name: "refuse-node",
    enforce: "pre",
    resolveId(id, importer) {
      // ONNX Runtime asks where it runs before it imports these.
      if (importer?.includes("/node_modules/onnxruntime-web/") === true) return null;
      if (!/^(node:.+|fs|module|os|path|url|worker_threads)$/.test(id)) return null;
      throw new Error(`${importer ?? "?"} imports "${id}", which browsers do not have`);
    },
  };
}

/** Bundles the page in `root` into `folder`, with the settings that Vite has by itself. */
export async function buildSite(folder: string, root: string = import.meta.dirname): Promise<void> {
  await build({
    configFile: false,
    root,
    base: "./",
    logLevel: "error",
    plugins: [refuseNode()],
    worker: { plugins: () => [refuseNode()] },
    resolve: { conditions: [...CONDITIONS] },
    build: { outDir: folder, emptyOutDir: true, target: "es2023" },
  });
}

/** Serves `folder` below `/` and, with more headers, below each of the folders that have some. */
export async function serveSite(
  folder: string,
  headersBelow: HeadersBelow = ISOLATION,
): Promise<{ readonly address: string } & AsyncDisposable> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const [, first = "", ...rest] = pathname.split("/");
    const headers = Object.hasOwn(headersBelow, first) ? headersBelow[first] : undefined;
    const name = (headers === undefined ? pathname.slice(1) : rest.join("/")) || "index.html";
    const file = path.join(folder, path.normalize(`/${name}`));
    if (!existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    const type = TYPES[path.extname(file)] ?? "application/octet-stream";
    response.writeHead(200, { "content-type": type, ...headers });
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}/`,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
