import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import type { UserConfig } from "vite";

/** Static files with relative addresses, so that the page works below any path. */
const config: UserConfig = {
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "./",
  plugins: [react()],
  build: {
    outDir: "dist",
    emptyOutDir: true,
    target: "es2023",
    // Nothing becomes a data: address and no inline script is added: `default-src 'self'` is enough.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // React's renderer alone is 218 kB; compressed, everything together is under 100 kB.
    chunkSizeWarningLimit: 300,
    // React and uPlot travel inside the bundle, so their licences travel with it.
    license: { fileName: "licenses.md" },
  },
};

export default config;
