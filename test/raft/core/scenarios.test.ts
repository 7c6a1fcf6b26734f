// Scripted scenarios. The expectation is the whole transcript, in transcripts/: every message, every write, every change.
// SKEP_REWRITE=1 writes them anew; then read the difference from the top: the first changed line is the cause of the others.

import fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { Cores, change, message } from "../../support/raft_cores.js";

const folder = path.join(import.meta.dirname, "transcripts");

interface Script {
  readonly cores: Cores;
  /** Says what happens next, and lets it happen until all is at rest. */
  readonly act: (what: string, run: () => void) => void;
}

function scenario(name: string, count: number, play: (script: Script) => void): void {
  test(name, () => {
    const lines: string[] = [];
    const cores = new Cores(count, (line) => lines.push(line));
    const act = (what: string, run: () => void): void => {
      lines.push(`> ${what}`);
      run();
      cores.settle();
    };
    play({ cores, act });
    lines.push("> in the end");
    for (const [id, core] of cores.cores) {
      const { role, term, leader, commit, lastIndex, membership } = core.status;
      const others = `voters ${String(membership.voters)}${membership.learners.length > 0 ? ` learners ${String(membership.learners)}` : ""}`;
      lines.push(`  ${id} ${role} of ${leader} in t${term}: commit ${commit}, last ${lastIndex}, ${others}`);
    }
    const transcript = `${lines.join("\n")}\n`;
    const file = path.join(folder, `${name.replaceAll(" ", "-")}.txt`);
    if (process.env["SKEP_REWRITE"]) fs.writeFileSync(file, transcript);
    expect(transcript).toBe(fs.readFileSync(file, "utf8"));
  });
}

const propose = (cores: Cores, id: number, text: string): void => void cores.get(id).propose(Buffer.from(text));

function elected({ cores, act }: Script): void {
  act("1 stands", () => cores.get(1).campaign());
}

function compact(cores: Cores, id: number): void {
  const core = cores.get(id);
  const { applied, membership } = core.status;
  core.snapshotted({ position: { index: applied, term: core.termOf(applied) ?? 0 }, membership });
  core.compact(applied);
}

scenario("a campaign and a write", 3, (script) => {
  elected(script);
  script.act("a write", () => propose(script.cores, 1, "x"));
});

scenario("two stand at once", 3, ({ cores, act }) => {
  act("3 and 2 stand", () => {
    cores.get(3).campaign();
    cores.get(2).campaign();
  });
});

scenario("probing a follower that missed much and made up more", 3, (script) => {
  const { cores, act } = script;
  elected(script);
  act("1 is cut off and writes in vain", () => {
    cores.isolate(1);
    for (const text of ["a", "b", "c"]) propose(cores, 1, text);
  });
  act("the others elect 2", () => {
    for (const id of [2, 3]) cores.get(id).forgetLeader();
    cores.get(2).campaign();
  });
  act("and write", () => propose(cores, 2, "d"));
  act("1 is back", () => cores.heal());
  act("a heartbeat", () => cores.get(2).tick());
});

scenario("a follower that needs a snapshot", 3, (script) => {
  const { cores, act } = script;
  elected(script);
  act("3 is cut off", () => cores.isolate(3));
  for (const text of ["a", "b"]) act("a write", () => propose(cores, 1, text));
  act("1 compacts", () => compact(cores, 1));
  act("3 is back, and a write", () => {
    cores.heal();
    propose(cores, 1, "c");
  });
  act("a heartbeat", () => cores.get(1).tick());
  act("a write", () => propose(cores, 1, "d"));
});

scenario("pre-vote with check-quorum", 3, (script) => {
  const { cores, act } = script;
  elected(script);
  act("3 is cut off and stands in vain", () => {
    cores.isolate(3);
    cores.get(3).campaign();
  });
  act("3 is back and stands again", () => {
    cores.heal();
    cores.get(3).campaign();
  });
  act("1 is cut off, and a quorum is silent for an election timeout", () => {
    cores.isolate(1);
    for (let tick = 0; tick < 20; tick++) cores.get(1).tick();
  });
});

scenario("a member joins as a learner and becomes a voter", 2, (script) => {
  const { cores, act } = script;
  elected(script);
  act("3 joins", () => {
    cores.add({ id: 3, voters: [1, 2] });
    cores.get(1).proposeConfChange(change("ADD_LEARNER", 3));
  });
  act("a write", () => propose(cores, 1, "x"));
  act("3 votes from now on", () => void cores.get(1).proposeConfChange(change("ADD_VOTER", 3)));
});

scenario("a leader removes itself", 3, (script) => {
  const { cores, act } = script;
  elected(script);
  act("1 goes", () => void cores.get(1).proposeConfChange(change("REMOVE", 1)));
  act("two ticks", () => cores.tick(2));
});

scenario("a follower learns late what is committed", 3, (script) => {
  const { cores, act } = script;
  elected(script);
  act("nothing comes back from 2 and 3, and a write", () => {
    cores.cut(2, 1).cut(3, 1);
    propose(cores, 1, "x");
  });
  act("they are heard again; a heartbeat", () => {
    cores.heal();
    cores.get(1).tick();
  });
});

scenario("forgetting the leader", 3, (script) => {
  const { cores, act } = script;
  elected(script);
  act("2 and 3 forget it, and 3 stands", () => {
    for (const id of [2, 3]) cores.get(id).forgetLeader();
    cores.get(3).campaign();
  });
});

scenario("handing leadership over", 3, (script) => {
  const { cores, act } = script;
  elected(script);
  act("to 3", () => void cores.get(1).transferLeader(3));
});

scenario("the leader's process is gone", 3, (script) => {
  const { cores, act } = script;
  elected(script);
  act("it is gone, and 3 notices", () => {
    cores.isolate(1);
    cores.probes.set(1, "gone");
    cores.get(3).suspect(1);
  });
});

scenario("a slow disk at the leader", 3, (script) => {
  const { cores, act } = script;
  elected(script);
  act("its disk is slow; a write", () => {
    cores.slow.add(1);
    propose(cores, 1, "x");
  });
  act("two more", () => {
    propose(cores, 1, "y");
    propose(cores, 1, "z");
  });
  act("the disk is done", () => {
    cores.slow.delete(1);
    cores.finishPersist(1);
  });
});

scenario("reads at the leader and at a follower", 3, (script) => {
  const { cores, act } = script;
  elected(script);
  act("1 and 2 read", () => {
    cores.get(1).readIndex(11);
    cores.get(2).readIndex(22);
  });
});

scenario("an old leader comes back", 3, (script) => {
  const { cores, act } = script;
  elected(script);
  act("1 is cut off; 2 is asked to stand by a message that was long under way", () => {
    cores.isolate(1);
    cores.get(2).step(message(1, 1, { $case: "timeoutNow", value: {} }, 2));
  });
  act("1 is back and sends a heartbeat", () => {
    cores.heal();
    cores.get(1).tick();
  });
});
