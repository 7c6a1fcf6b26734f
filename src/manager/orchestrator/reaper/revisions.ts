// Which revisions of a service nobody needs any more: architecture.md "Revisions".

import type { Revision, Service } from "../../../gen/skep/v1/objects.js";

/** Newest revisions kept for history and rollback, whether or not a task uses them. */
export const revisionsKept = 10;

/** Those neither kept, nor pointed to by the service, nor in use by a task. */
export function unneeded(
  revisions: readonly Revision[],
  service: Service | undefined,
  isUsed: (revision: Revision) => boolean,
): readonly Revision[] {
  const newestFirst = [...revisions].sort((a, b) => b.number - a.number);
  const old = service === undefined ? newestFirst : newestFirst.slice(revisionsKept);
  return old.filter(
    (revision) =>
      revision.number !== service?.revision && revision.number !== service?.previousRevision && !isUsed(revision),
  );
}
