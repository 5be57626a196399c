import type { Journal, JournalEntry } from "@everfresh/learn";
import type { IterationUse, SampleUses } from "@everfresh/streams";

/** A journal that also writes down, for good, which samples each iteration trains on. */
export function recordingUses(journal: Journal, uses: SampleUses): Journal {
  return {
    append: async (entry) => {
      // First: an iteration that is known and did not happen is only listed too often.
      uses.add(useOf(entry));
      await journal.append(entry);
    },
    after: (step) => journal.after(step),
    forgetTo: (step) => journal.forgetTo(step),
    forgetAfter: async (step) => {
      await journal.forgetAfter(step);
      uses.forgetAfter(step);
    },
  };
}

function useOf({ step, version, iteration }: JournalEntry): IterationUse {
  if (iteration.kind === "step") {
    const { positions } = iteration;
    return { step, version, isCold: false, epochs: 1, samples: { positions } };
  }
  const { samples: ranges, epochs, start } = iteration;
  return { step, version, isCold: start === "cold", epochs, samples: { ranges } };
}
