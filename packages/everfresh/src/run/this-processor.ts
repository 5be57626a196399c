import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import type { Processor } from "../state/recorded-plan.ts";

const CPUINFO = "/proc/cpuinfo"; // Linux only

/** Extensions that matrix kernels choose their code by: x86 first, then ARM, as Linux names them. */
const FEATURES: ReadonlySet<string> = new Set([
  ...["sse4_1", "avx", "f16c", "fma", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512dq"],
  ...["avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16"],
  ...["asimd", "asimdhp", "asimddp", "fphp", "bf16", "i8mm", "sve", "sve2", "sme"],
]);

/** The processor that this program runs on. */
export function thisProcessor(): Processor {
  const info = existsSync(CPUINFO) ? readFileSync(CPUINFO, "utf8") : "";
  return { model: cpus()[0]?.model.trim() ?? "unknown", features: featuresIn(info) };
}

/** The extensions that matter, sorted, of the first processor in the text of /proc/cpuinfo. */
export function featuresIn(cpuinfo: string): readonly string[] {
  const list = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo)?.[1] ?? "";
  return [...new Set(list.split(/\s+/).filter((name) => FEATURES.has(name)))].sort();
}
