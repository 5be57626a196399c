/** Bundles the page and serves it, as any site would. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { build, defaultClientConditions, preview } from "vite";

/** Serves the bundled page until it is disposed of. */
export async function servePage(): Promise<{ readonly address: string } & AsyncDisposable> {
  const outDir = await mkdtemp(path.join(tmpdir(), "everfresh-bench-"));
  const shared = { configFile: false, root: import.meta.dirname, logLevel: "error" } as const;
  await build({
    ...shared,
    base: "./",
    resolve: { conditions: ["source", ...defaultClientConditions] },
    build: { outDir, emptyOutDir: true, target: "es2023" },
  });
  const host = "127.0.0.1";
  const server = await preview({ ...shared, build: { outDir }, preview: { host, port: 0 } });
  return {
    address: server.resolvedUrls?.local[0] ?? "",
    async [Symbol.asyncDispose]() {
      await server.close();
      await rm(outDir, { recursive: true, force: true });
    },
  };
}
