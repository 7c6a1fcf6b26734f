// `--filter key=value`, repeatable.
import { type Flag, flag } from "./flag.js";

export type FilterSet = Readonly<Record<string, readonly string[]>>;

export function filter(): Flag<FilterSet> {
  return flag({ label: "filter", parse: addFilter }, "Filter output based on conditions provided", { short: "f" });
}

function addFilter(text: string, before: FilterSet = {}): FilterSet {
  if (text === "") return before;
  const at = text.indexOf("=");
  if (at < 0) throw new Error("bad format of filter (expected name=value)");
  const key = text.slice(0, at).trim().toLowerCase();
  return { ...before, [key]: [...(before[key] ?? []), text.slice(at + 1).trim()] };
}
