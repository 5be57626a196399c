import { expect, it } from "vitest";
import { featuresIn, thisProcessor } from "./this-processor.ts";

it("finds the extensions that kernels use, of x86 and of ARM", () => {
  const x86 = "processor\t: 0\nflags\t\t: fpu sse2 fma avx2 avx avx512f\nflags : sve\n";
  expect(featuresIn(x86)).toEqual(["avx", "avx2", "avx512f", "fma"]);
  expect(featuresIn("Features\t: fp asimd evtstrm asimddp\n")).toEqual(["asimd", "asimddp"]);
  expect(featuresIn("")).toEqual([]);
});

it("has a name for this processor", () => {
  expect(thisProcessor().model).not.toBe("");
});
