// Arithmetic of majorities.

/** Votes or copies that decide among `voters`; more than there are when there are none, so that nothing is ever decided. */
export function majority(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** The highest index a majority of `voters` has; 0 without voters. */
export function quorumIndex(voters: readonly number[], matchOf: (voter: number) => number): number {
  const matches = voters.map(matchOf).sort((a, b) => b - a);
  return matches[majority(voters.length) - 1] ?? 0;
}

export type VoteResult = "won" | "lost" | "open";

/** Only voters count, whoever else answered (check-list 10). */
export function voteResult(voters: readonly number[], votes: ReadonlyMap<number, boolean>): VoteResult {
  const granted = voters.filter((voter) => votes.get(voter) === true).length;
  const refused = voters.filter((voter) => votes.get(voter) === false).length;
  if (granted >= majority(voters.length)) return "won";
  return refused > voters.length - majority(voters.length) ? "lost" : "open";
}
