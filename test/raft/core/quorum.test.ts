import fc from "fast-check";
import { expect, test } from "vitest";
import { majority, quorumIndex, voteResult } from "../../../src/raft/core/quorum.js";

test.each([
  [0, 1],
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 3],
  [5, 3],
  [7, 4],
])("among %i voters %i decide", (voters, needed) => {
  expect(majority(voters)).toBe(needed);
});

// The dumb second implementation: try every index, count heads.
function dumbQuorumIndex(matches: readonly number[]): number {
  let best = 0;
  for (let index = 0; index <= 20; index++) {
    const have = matches.filter((match) => match >= index).length;
    if (have * 2 > matches.length) best = index;
  }
  return best;
}

test("the quorum's index is the highest that more than half have", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 7 }), (matches) => {
      const voters = matches.map((_, at) => at);
      expect(quorumIndex(voters, (voter) => matches[voter] ?? 0)).toBe(dumbQuorumIndex(matches));
    }),
    { numRuns: 2000 },
  );
});

test("an election is decided as soon as nothing can change it", () => {
  const vote = fc.constantFrom(true, false, undefined);
  fc.assert(
    fc.property(fc.array(vote, { minLength: 1, maxLength: 7 }), (votes) => {
      const voters = votes.map((_, at) => at);
      // Who is no voter does not count, however it answered (check-list 10).
      const answers = new Map<number, boolean>([[99, true]]);
      for (const [voter, answer] of votes.entries()) if (answer !== undefined) answers.set(voter, answer);
      const granted = votes.filter((answer) => answer === true).length;
      const open = votes.filter((answer) => answer === undefined).length;
      const isWon = granted * 2 > votes.length;
      const isLost = (granted + open) * 2 <= votes.length;
      expect(voteResult(voters, answers)).toBe(isWon ? "won" : isLost ? "lost" : "open");
    }),
    { numRuns: 2000 },
  );
});
