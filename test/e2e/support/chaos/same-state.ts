// What each manager holds itself, without the others: all links are cut, and a manager without a leader answers reads from
// its own store, saying how old that is.

import { eventually } from "../eventually.js";
import type { ManagerHost, Managers } from "../managers.js";

const APPLIED_MS = 10_000;
const STALE_MS = 20_000;

/** Fails unless all managers hold the same services, node rows and tasks. They are at rest, and connected again afterwards. */
export async function holdTheSame(managers: Managers): Promise<void> {
  await eventually(
    async () => {
      const applied = await Promise.all(managers.all.map(({ skep }) => skep.metric("skep_raft_applied_index")));
      if (new Set(applied).size !== 1) throw new Error(`applied ${applied.join(", ")}`);
      return true;
    },
    { what: "all managers applied as much", withinMs: APPLIED_MS },
  );
  await Promise.all(managers.all.map((host) => host.cut()));
  const held = await Promise.all(managers.all.map(ownState));
  await Promise.all(managers.all.map((host) => host.mend()));
  for (const [at, state] of held.entries()) {
    if (state !== held[0]) {
      const [a, b] = [firstDifference(held[0] ?? "", state), firstDifference(state, held[0] ?? "")];
      throw new Error(`h1 and h${at + 1} hold different things:\n${a}\n${b}`);
    }
  }
}

async function ownState(host: ManagerHost): Promise<string> {
  const parts: string[] = [];
  for (const path of ["/services", "/tasks", "/nodes"]) {
    const { value } = await eventually(
      async () => {
        const answer = await host.http.get(path, { timeoutMs: 5_000 });
        return answer.status === 200 && answer.headers["skep-stale"] !== undefined ? answer.json : undefined;
      },
      { what: `${host.name} alone answers ${path} from its own store`, withinMs: STALE_MS },
    );
    parts.push(JSON.stringify((value as readonly Row[]).map(stored).sort(), null, 1));
  }
  return parts.join("\n");
}

interface Row {
  readonly [key: string]: unknown;
}

/** The row without what is judged while it is read: who is reachable and who leads. */
function stored({ ManagerStatus: _judged, ...row }: Row): string {
  return JSON.stringify(row);
}

function firstDifference(a: string, b: string): string {
  const [as, bs] = [a.split("\n"), b.split("\n")];
  return as.find((line, at) => line !== bs[at])?.slice(0, 2_000) ?? "(nothing)";
}
