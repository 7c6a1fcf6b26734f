// Services as registers: a value in a label, written with the version that was read (so a write either finds what its writer
// saw or does nothing), read with a round of the consensus. Nothing of them ever runs.

import type { Answer, DockerHttp } from "./http.js";

export interface Reading {
  readonly value: string;
  /** What an update must name. */
  readonly version: number;
}

/** `no`: it did not and will not happen. `unknown`: it may have, or may yet. */
export type Outcome = "yes" | "no" | "unknown";

const CALL_MS = 10_000;
const LINEARIZABLE = { "skep-consistency": "linearizable" };

/** Makes the registers, each with an empty value. */
export async function makeRegisters(http: DockerHttp, names: readonly string[]): Promise<void> {
  for (const name of names) await http.ok("POST", "/services/create", { body: specOf(name, "") });
}

/** Undefined when there was no answer or an error. Docker's own swarm mode takes no notice of the header. */
export async function readRegister(
  http: DockerHttp,
  name: string,
  timeoutMs: number = CALL_MS,
): Promise<Reading | undefined> {
  const answer = await http.get(`/services/${name}`, { headers: LINEARIZABLE, timeoutMs }).catch(() => undefined);
  if (answer?.status !== 200) return undefined;
  const { Version, Spec } = answer.json as { Version: { Index: number }; Spec: { Labels?: Record<string, string> } };
  return { value: Spec.Labels?.["value"] ?? "", version: Version.Index };
}

/** Swaps what was read at `version` for `value`. */
export async function writeRegister(
  http: DockerHttp,
  name: string,
  { version, value }: Reading,
  timeoutMs: number = CALL_MS,
): Promise<Outcome> {
  const answer = await http
    .post(`/services/${name}/update?version=${version}`, specOf(name, value), { timeoutMs })
    .catch(() => undefined);
  return answer === undefined ? "unknown" : outcomeOf(answer);
}

const MUCH = { bytes: 400_000, writes: 6, callMs: 2_000 };

/** Some megabytes of values into a register of their own, whatever the answers are. */
export async function writeMuch(http: DockerHttp, name: string): Promise<void> {
  await http.post("/services/create", specOf(name, ""), { timeoutMs: MUCH.callMs }).catch(() => undefined);
  for (let at = 0; at < MUCH.writes; at += 1) {
    const reading = await readRegister(http, name, MUCH.callMs);
    if (reading === undefined) return;
    const value = String(at).padEnd(MUCH.bytes, ".");
    if ((await writeRegister(http, name, { ...reading, value }, MUCH.callMs)) !== "yes") return;
  }
}

/** Only what is known for certain is told as "no": a version that is no longer the register's. */
function outcomeOf({ status, text }: Answer): Outcome {
  if (status === 200) return "yes";
  return text.includes("update out of sequence") ? "no" : "unknown";
}

function specOf(Name: string, value: string): unknown {
  return {
    ...{ Name, Labels: { value }, Mode: { Replicated: { Replicas: 0 } } },
    TaskTemplate: { ContainerSpec: { Image: "busybox:latest" } },
  };
}
