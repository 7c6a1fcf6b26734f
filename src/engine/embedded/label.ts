// The label `skep.sim`: what one container does, whatever its command. Words separated by blanks:
//   pull=3s         its create takes 3 s longer (the pull itself cannot see labels; for the task it is one wait)
//   start=1s        its start takes 1 s longer
//   exit=1@10s      it ends with 1, 10 s after its start; `exit=oom@5s` is killed for its memory, `exit=0` ends at once
//   health=bad      its healthcheck fails; `health=bad@10s` from 10 s after its start on, `health=good@5s` from then on only.
//                   Without a healthcheck of its own it gets one, every second, three tries
//   hang=stop       it ignores stop signals and needs the kill; `hang=start`: its start never returns
//   fail=start      the engine refuses to start it; `fail=create`: to create it

import { SwarmError } from "../../base/index.js";
import { parseDurationMs } from "./duration.js";

export const simLabel = "skep.sim";

export interface Script {
  readonly pullMs?: number;
  readonly startMs?: number;
  readonly exit?: { readonly code: number; readonly oom: boolean; readonly afterMs: number };
  /** What the probes find from `afterMs` on, and the opposite before. */
  readonly health?: { readonly good: boolean; readonly afterMs: number };
  readonly hang?: "start" | "stop";
  readonly fail?: "create" | "start";
}

const readers: Readonly<Record<string, (value: string) => Script>> = {
  pull: (value) => ({ pullMs: parseDurationMs(value) }),
  start: (value) => ({ startMs: parseDurationMs(value) }),
  exit(value) {
    const { word, afterMs } = timed(value);
    const code = word === "oom" ? 137 : Number(word);
    if (!/^(oom|\d{1,3})$/.test(word) || code > 255) throw bad(`exit=${value}`);
    return { exit: { code, oom: word === "oom", afterMs } };
  },
  health(value) {
    const { word, afterMs } = timed(value);
    return { health: { good: oneOf("health", word, ["good", "bad"]) === "good", afterMs } };
  },
  hang: (value) => ({ hang: oneOf("hang", value, ["start", "stop"]) }),
  fail: (value) => ({ fail: oneOf("fail", value, ["create", "start"]) }),
};

/** Fails with InvalidArgument at the first word it does not know. */
export function parseScript(label: string): Script {
  let script: Script = {};
  for (const word of label.split(/\s+/).filter((each) => each !== "")) {
    const [key = "", value = ""] = word.split("=", 2);
    const reader = Object.hasOwn(readers, key) ? readers[key] : undefined;
    if (!reader) throw bad(word);
    script = { ...script, ...reader(value) };
  }
  return script;
}

function timed(value: string): { word: string; afterMs: number } {
  const [word = "", after] = value.split("@", 2);
  return { word, afterMs: after === undefined ? 0 : parseDurationMs(after) };
}

function oneOf<T extends string>(key: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw bad(`${key}=${value}`);
  return found;
}

function bad(word: string): SwarmError {
  return new SwarmError("InvalidArgument", `invalid label ${simLabel}: ${word}`);
}
