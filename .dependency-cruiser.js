/**
 * The layers of ARCHITECTURE.md: imports go strictly down, siblings never import each other.
 * A package that is not listed here may not be imported by anyone.
 */
const ALLOWED = {
  core: [],
  engine: ["core"],
  streams: ["core"],
  sync: ["core"],
  learn: ["core", "engine", "streams"],
  client: ["core", "engine", "sync"],
  everfresh: ["core", "engine", "streams", "sync", "learn", "client"],
  dashboard: ["client", "sync"],
  operator: ["core", "sync"],
};

const layerRules = Object.entries(ALLOWED).map(([name, below]) => ({
  name: `layers-${name}`,
  comment: `${name} may import only: ${below.join(", ") || "nothing of ours"}`,
  severity: "error",
  from: { path: `^packages/${name}/` },
  to: { path: "^packages/", pathNot: `^packages/(${[name, ...below].join("|")})/` },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...layerRules,
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "not-to-unresolvable",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "core-is-portable",
      comment: "core runs in browsers and at edges: no Node built-ins, no dependencies",
      severity: "error",
      from: { path: "^packages/core/src", pathNot: "\\.test\\.ts$" },
      to: { dependencyTypes: ["core", "npm", "npm-dev", "npm-optional"] },
    },
    {
      name: "sync-is-portable",
      comment: "only sync/node may touch Node, only sync/node and sync/nats npm packages",
      severity: "error",
      from: {
        path: "^packages/sync/src",
        pathNot: "^packages/sync/src/(node|nats)/|\\.(test|conformance|fixture)\\.ts$",
      },
      to: { dependencyTypes: ["core", "npm", "npm-dev", "npm-optional"] },
    },
    {
      name: "sync-nats-is-portable",
      comment: "of NATS only what browsers can run: its core and JetStream",
      severity: "error",
      from: { path: "^packages/sync/src/nats/", pathNot: "\\.(test|conformance|fixture)\\.ts$" },
      to: {
        dependencyTypes: ["core", "npm", "npm-dev", "npm-optional"],
        pathNot: "@nats-io/(nats-core|jetstream)/",
      },
    },
    {
      name: "web-is-portable",
      comment: "nothing that pages reach may need Node (bundles of the client: test/journeys)",
      severity: "error",
      from: {
        path: "^packages/engine/src/(web|in-thread)/",
        pathNot: "\\.(test|fixture)\\.ts$",
      },
      to: {
        path: "^(node:)?(fs|module|os|path|process|url|worker_threads|crypto|child_process)(/|$)|onnxruntime-node",
        reachable: true,
      },
    },
    {
      name: "onnxruntime-only-in-engine",
      severity: "error",
      from: { path: "^packages/(?!engine/)", pathNot: "\\.test\\.ts$" },
      to: { path: "node_modules/onnxruntime" },
    },
    {
      name: "products-do-not-import-tests",
      severity: "error",
      from: { pathNot: "\\.(test|conformance|fixture)\\.tsx?$|^test/" },
      to: { path: "\\.test\\.tsx?$|^test/" },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "/dist/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.test.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["source", "import", "types", "default"],
      extensions: [".ts", ".tsx", ".js", ".json"],
    },
  },
};
